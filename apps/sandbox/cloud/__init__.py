"""The local AWS: STS, S3, IAM and KMS over HTTP, with every policy in between really evaluated.

Owns the decision who may do what; moto only keeps roles, users, keys, buckets and objects. Refuses to be
lenient: what it does not model is answered 501 "the local AWS does not model …", never let through.
"""
