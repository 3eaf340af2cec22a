// Drives every public method of the published SDK against a running product; prints what each answered as JSON.
"use strict";
const FlexpaClient = require("@flexpa/node-sdk").default;
const { HttpError } = require("@flexpa/node-sdk");
const { base, pk, sk, livePk, liveSk, callback, member } = JSON.parse(process.argv[2]);

const called = new Set();
const watch = (target) =>
  new Proxy(target, {
    get(object, name) {
      if (typeof object[name] === "function" && !String(name).startsWith("__")) called.add(String(name));
      const value = object[name];
      return typeof value === "function" ? value.bind(object) : value;
    },
  });
const Sdk = watch(FlexpaClient);

async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HttpError) return { status: error.response.status, body: await error.json() };
    throw error;
  }
  return null;
}

async function sandbox(path, body) {
  const answer = await fetch(`${base}/link/sandbox/${path}`, {
    method: "POST",
    body: JSON.stringify({ secret_key: sk, member, ...body }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function consent() {
  const verifier = Sdk.generateCodeVerifier();
  const url = Sdk.buildAuthorizationUrl({
    publishableKey: pk, redirectUri: callback, codeChallenge: Sdk.generateCodeChallenge(verifier),
    externalId: "user-1", scope: ["launch/patient", "offline_access"], state: "xyz", apiBaseUrl: base,
  });
  const { redirect_uri } = await sandbox("authorize", { authorize_url: url });
  const answer = new URL(redirect_uri).searchParams;
  return { verifier, code: answer.get("code"), state: answer.get("state"), url };
}

async function main() {
  const found = {};
  const { verifier, code, state, url } = await consent();
  found.consent = { state, url };
  const client = watch(await Sdk.fromAuthorizationCode(code, verifier, callback, pk, base));
  found.refreshToken = Boolean(client.getRefreshToken());
  found.everything = await client.$everything();
  const coverage = found.everything.entry.map((each) => each.resource).find((each) => each.resourceType === "Coverage");
  found.coverage = [coverage, await client.read("Coverage", coverage.id)];
  found.patient = await client.read("Patient", "$PATIENT_ID");
  found.metadata = await client.getCapabilityStatement();
  found.search = await client.search("ExplanationOfBenefit", { patient: "$PATIENT_ID", _count: "3" });
  found.introspect = await client.introspect();
  const before = client.getAccessToken();
  found.refresh = await client.tokenRefresh(pk, sk);
  found.changed = client.getAccessToken() !== before;
  found.introspectAfter = await client.introspect();

  const exchanged = await Sdk.fromExchange((await tokenOf("user-2")).public_token, sk, base);
  found.exchangedPatient = (await exchanged.introspect()).patient;
  const { public_token } = await tokenOf("user-3");
  const bare = watch(Sdk.fromBearerToken("none", `${base}/`));
  found.exchange = await bare.exchange(public_token, sk);
  found.exchangeAgain = await refused(bare.exchange(public_token, sk));
  found.revoke = await client.revoke(sk);
  found.afterRevoke = await refused(client.introspect());

  found.application = (await Sdk.fromClientCredentials(livePk, liveSk, base)).getAccessToken();
  found.testCredentials = await refused(Sdk.fromClientCredentials(pk, sk, base));
  found.wrongCredentials = await refused(Sdk.fromClientCredentials(pk, `sk_test_${"A".repeat(43)}`, base));
  found.codeAgain = await refused(Sdk.fromAuthorizationCode(code, verifier, callback, pk, base));
  const known = [...Object.getOwnPropertyNames(FlexpaClient), ...Object.getOwnPropertyNames(FlexpaClient.prototype)];
  const own = new Set(["length", "name", "prototype", "constructor", "searchParamsToQueryString"]);
  found.notCalled = known.filter((name) => !own.has(name) && !name.startsWith("__") && !called.has(name));
  console.log(JSON.stringify(found));
}

const tokenOf = (external_id) => sandbox("public_token", { external_id, usage: "ONE_TIME" });
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
