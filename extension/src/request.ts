// Takes apart what the browser hands over: who asks, and what.
//
// Chromium checks the RP ID against the page first and then writes the true caller into the request itself, as
// `extensions.remoteDesktopClientOverride` (an interface made for remote desktops: the machine that holds the
// authenticator must learn the origin that the machine with the browser saw). That member is the only source of the
// origin here. A page cannot put it there: Chromium refuses a request that already carries one.

import { isObject, type CeremonyRequest, type JsonObject } from "./protocol.js";

/** The browser's request cannot be used. The text is for the developer console, never for the site. */
export class UnusableRequest extends Error {}

/**
 * Reads `requestDetailsJson` of a create or get request.
 *
 * The injected caller is taken out of what is forwarded, so that whatever the platform still finds under that name is
 * known to be forged. A request without it is refused: guessing an origin would be worse than failing.
 */
export function readRequest(requestId: number, requestDetailsJson: string): CeremonyRequest {
  let publicKey: unknown;
  try {
    publicKey = JSON.parse(requestDetailsJson);
  } catch {
    throw new UnusableRequest("the browser's request is not JSON");
  }
  if (!isObject(publicKey)) throw new UnusableRequest("the browser's request is not an object");
  const extensions = publicKey["extensions"];
  const override = isObject(extensions) ? extensions["remoteDesktopClientOverride"] : undefined;
  if (!isObject(extensions) || !isObject(override)) throw new UnusableRequest("the browser did not say who asks");
  const { origin, sameOriginWithAncestors } = override;
  if (typeof origin !== "string" || typeof sameOriginWithAncestors !== "boolean") {
    throw new UnusableRequest("the browser's caller is incomplete");
  }
  const { mediation, ...options } = publicKey;
  const said = typeof mediation === "string" ? { mediation } : {};
  return { requestId: String(requestId), origin, sameOriginWithAncestors, ...said, publicKey: withoutOverride(options, extensions) };
}

function withoutOverride(publicKey: JsonObject, extensions: JsonObject): JsonObject {
  const { remoteDesktopClientOverride: _taken, ...others } = extensions;
  const { extensions: _replaced, ...options } = publicKey;
  return Object.keys(others).length === 0 ? options : { ...options, extensions: others };
}
