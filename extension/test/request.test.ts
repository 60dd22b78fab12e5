import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequest, UnusableRequest } from "../src/request.js";

const caller = { origin: "https://example.org", sameOriginWithAncestors: true };
const details = (extensions?: unknown): string => JSON.stringify({ challenge: "AAAA", rpId: "example.org", ...(extensions === undefined ? {} : { extensions }) });

test("the origin is the one that the browser injected", () => {
  const request = readRequest(-7, details({ remoteDesktopClientOverride: { ...caller, sameOriginWithAncestors: false } }));
  assert.equal(request.requestId, "-7");
  assert.equal(request.origin, "https://example.org");
  assert.equal(request.sameOriginWithAncestors, false);
});

test("the injected caller is not forwarded, the site's own extensions are", () => {
  const request = readRequest(1, details({ remoteDesktopClientOverride: caller, prf: { eval: { first: "AAAA" } } }));
  assert.deepEqual(request.publicKey, { challenge: "AAAA", rpId: "example.org", extensions: { prf: { eval: { first: "AAAA" } } } });
});

test("no empty extensions member is left behind", () => {
  assert.deepEqual(readRequest(1, details({ remoteDesktopClientOverride: caller })).publicKey, { challenge: "AAAA", rpId: "example.org" });
});

test("a request without a caller is refused", () => {
  for (const extensions of [undefined, {}, { prf: {} }, null, [], { remoteDesktopClientOverride: null }, { remoteDesktopClientOverride: "x" }]) {
    assert.throws(() => readRequest(1, details(extensions)), UnusableRequest);
  }
});

test("a caller without origin or frame relation is refused", () => {
  for (const override of [{}, { origin: caller.origin }, { sameOriginWithAncestors: true }, { origin: 1, sameOriginWithAncestors: true }, { origin: caller.origin, sameOriginWithAncestors: "true" }]) {
    assert.throws(() => readRequest(1, details({ remoteDesktopClientOverride: override })), UnusableRequest);
  }
});

test("what is no JSON object is refused", () => {
  for (const text of ["", "{", "null", "[]", "1", '"x"']) assert.throws(() => readRequest(1, text), UnusableRequest);
});

test("mediation is passed on beside the options, where the browser says it", () => {
  const extensions = { remoteDesktopClientOverride: { origin: "https://example.org", sameOriginWithAncestors: true } };
  const read = (more: object) => readRequest(1, JSON.stringify({ challenge: "AA", extensions, ...more }));
  assert.equal(read({ mediation: "silent" }).mediation, "silent");
  assert.deepEqual(read({ mediation: "silent" }).publicKey, { challenge: "AA" });
  assert.equal("mediation" in read({}), false);
  assert.equal("mediation" in read({ mediation: 1 }), false);
});
