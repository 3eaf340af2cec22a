"""The sandbox payer, over real HTTP and without a database."""
