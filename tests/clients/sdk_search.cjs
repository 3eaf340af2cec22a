// Searches with the published SDK: every parameter and `_include` value that its types offer, and what is asked for.
"use strict";
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const FlexpaClient = require("@flexpa/node-sdk").default;
const { HttpError } = require("@flexpa/node-sdk");
const { base, token, queries } = JSON.parse(process.argv[2]);

// A year is well formed as a value of every other kind.
const WRITTEN = { composite: "2020$2020", _compartment: "Patient/2020" };
const client = FlexpaClient.fromBearerToken(token, base);

// The SDK's declarations, type by type: { Coverage: { parameters: [...], includes: [...] } }.
function offered() {
  const file = join(dirname(require.resolve("@flexpa/node-sdk")), "types", "flexpa-types.d.ts");
  const text = readFileSync(file, "utf8");
  const found = {};
  let type;
  for (const line of text.slice(text.indexOf("FlexpaClientSearchParams = {")).split("\n")) {
    const [, opened] = /^    (\w+): \{$/.exec(line) ?? [];
    const [, name, values] = /^        '?([\w-]+)'?\?: (.*);$/.exec(line) ?? [];
    if (opened) found[(type = opened)] = { parameters: [], includes: [] };
    if (name === "_include") found[type].includes = [...new Set(values.match(/[\w]+:[\w-]+/g))];
    else if (name) found[type].parameters.push(name);
  }
  return found;
}

// How it was answered: "found", "ignored" (an outcome among the entries), or the refusal.
async function answered(type, parameters) {
  try {
    const bundle = await client.search(type, parameters);
    if (bundle.resourceType !== "Bundle" || bundle.type !== "searchset") return `no searchset: ${JSON.stringify(bundle)}`;
    return (bundle.entry ?? []).some((entry) => entry.search.mode === "outcome") ? "ignored" : "found";
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return `${error.response.status} ${JSON.stringify(await error.json())}`;
  }
}

async function main() {
  const told = { offered: {}, bundles: [], reads: [] };
  const statement = await client.getCapabilityStatement();
  for (const [type, { parameters, includes }] of Object.entries(offered())) {
    const listed = statement.rest[0].resource.find((each) => each.type === type)?.searchParam ?? [];
    const written = (name) => WRITTEN[name] ?? WRITTEN[listed.find((each) => each.name === name)?.type] ?? "2020";
    const all = Object.fromEntries(parameters.map((name) => [name, written(name)]));
    told.offered[type] = {
      names: parameters,
      bare: await answered(type, {}),
      included: await answered(type, { _include: includes }),
      all: await answered(type, all),
    };
    if (told.offered[type].all === "found") continue;
    told.offered[type].each = {};
    for (const name of parameters) told.offered[type].each[name] = await answered(type, { [name]: all[name] });
  }
  for (const [type, parameters] of queries) told.bundles.push(await client.search(type, parameters));
  for (const entry of told.bundles.flatMap((bundle) => (bundle.entry ?? []).slice(0, 1))) {
    told.reads.push([entry.resource, await client.read(entry.resource.resourceType, entry.resource.id)]);
  }
  console.log(JSON.stringify(told));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
