// What travels between the extension and the native host: one JSON message per line of the conversation below, each with the name
// of its `channel`. Nothing is shared between channels: a request id means something in its own only.
//
//   extension → host                                    host → extension
//   {type:"ceremony", kind, request}                    {type:"response", requestId, ok} or {…, error, problem?}
//                                                       {type:"problem", requestId, problem}: in its way, while it is open
//   {type:"cancel", requestId}                          (nothing)
//   {type:"undelivered", requestId}                     (nothing): the answer did not reach its page
//   {type:"close"}                                      (nothing): withdraws what runs in the channel
//   {type:"ping"}                                       {type:"pong"}
//   {type:"capabilities"}                               {type:"capabilities", userVerifyingPlatformAuthenticator, …}
//   {type:"status"}                                     {type:"status", platform, prompt, pin, problem}
//                                                       {type:"error", message}: my message was wrong; the channel closes
//
// The host's answers come from another program, so they are parsed, never cast.

/** The name under which the native host is registered with the browser. */
export const HOST_NAME = "org.claviger.browser";

export type Kind = "create" | "get";

/** The caller and its request, as the native host takes it. */
export interface CeremonyRequest {
  requestId: string;
  /** Where the browser says the request comes from, e.g. `https://example.org`. */
  origin: string;
  /** Whether every frame around the caller has that same origin. */
  sameOriginWithAncestors: boolean;
  /** How much the person may be bothered, where the browser says it; Chromium 156 does not. */
  mediation?: string;
  /** `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` as the site gave it. */
  publicKey: JsonObject;
}

export type ToHost =
  | { type: "ceremony"; kind: Kind; request: CeremonyRequest }
  | { type: "cancel"; requestId: string }
  | { type: "undelivered"; requestId: string }
  | { type: "ping" }
  | { type: "capabilities" }
  | { type: "status" };

/** How the platform is, as far as the user cares. */
export interface HostStatus {
  /** Whether the broker answers. */
  platform: boolean;
  /** The kind of prompt that is attached (`terminal`, `graphical`, `scripted`), or null: nothing could ask the user. */
  prompt: string | null;
  /** Whether a PIN has been chosen. */
  pin: boolean;
  /** A sentence for the user about what is wrong, or null. */
  problem: string | null;
}

export interface DomError {
  name: string;
  message: string;
}

export type FromHost =
  | { type: "response"; requestId: string; ok: JsonObject }
  | { type: "response"; requestId: string; error: DomError; /** the true cause in words for the user, never for the site */ problem: string | null }
  /** What is in the way of an open request, in words for the user, never for the site. */
  | { type: "problem"; requestId: string; problem: string }
  | { type: "pong" }
  | { type: "capabilities"; userVerifyingPlatformAuthenticator: boolean }
  | ({ type: "status" } & HostStatus)
  | { type: "error"; message: string };

export type JsonObject = { [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads one message of the host; null when it is none that this version knows. */
export function parseFromHost(value: unknown): FromHost | null {
  if (!isObject(value)) return null;
  switch (value["type"]) {
    case "response":
      return parseResponse(value);
    case "problem": {
      const { requestId, problem } = value;
      return typeof requestId === "string" && typeof problem === "string" ? { type: "problem", requestId, problem } : null;
    }
    case "pong":
      return { type: "pong" };
    case "capabilities":
      return { type: "capabilities", userVerifyingPlatformAuthenticator: value["userVerifyingPlatformAuthenticator"] === true };
    case "status":
      return {
        type: "status",
        platform: value["platform"] === true,
        prompt: textOrNull(value["prompt"]),
        pin: value["pin"] === true,
        problem: textOrNull(value["problem"]),
      };
    case "error":
      return { type: "error", message: textOrNull(value["message"]) ?? "" };
    default:
      return null;
  }
}

function parseResponse(value: JsonObject): FromHost | null {
  const { requestId, ok, error } = value;
  if (typeof requestId !== "string") return null;
  if (isObject(ok) && error === undefined) return { type: "response", requestId, ok };
  if (isObject(error) && ok === undefined && typeof error["name"] === "string") {
    const domError = { name: error["name"], message: textOrNull(error["message"]) ?? "" };
    return { type: "response", requestId, error: domError, problem: textOrNull(value["problem"]) };
  }
  return null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
