// The rest of the web: every https address leads to one small server here, under whatever name.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";

export class Web {
  #server;

  /** Starts the server with a certificate of its own making. */
  static async start() {
    const dir = mkdtempSync(path.join(os.tmpdir(), "claviger-web-"));
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(dir, name));
    const command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=any", "-keyout", key, "-out", cert];
    const made = spawnSync("openssl", command, { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`openssl: ${made.stderr || made.error}`);
    const server = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer);
    rmSync(dir, { recursive: true });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Web(server);
  }

  constructor(server) {
    this.#server = server;
  }

  /** What makes Chromium find this server under every name, and believe it. */
  get switches() {
    return [`--host-resolver-rules=MAP * 127.0.0.1:${this.#server.address().port}, EXCLUDE localhost`, "--ignore-certificate-errors"];
  }

  /** Starts the native host as a child of this process, which is no browser, and asks it; null when it just ends. */
  askNativeHost(platform, request) {
    return new Promise((resolve) => {
      const host = spawn(path.join(platform.dir, "bin/native-host"), [], { stdio: ["pipe", "pipe", "ignore"] });
      let received = Buffer.alloc(0);
      host.stdout.on("data", (data) => {
        received = Buffer.concat([received, data]);
        if (received.length >= 4 && received.length >= 4 + received.readUInt32LE()) {
          resolve(JSON.parse(received.subarray(4, 4 + received.readUInt32LE()).toString()));
          host.stdin.end();
        }
      });
      host.on("exit", () => resolve(null));
      host.stdin.on("error", () => undefined);
      const message = Buffer.from(JSON.stringify({ channel: "c", type: "ceremony", kind: "get", request }));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(message.length);
      host.stdin.write(Buffer.concat([length, message]));
    });
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What shop.other may use: the passkeys of bank.example. */
const RELATED = { "bank.example": ["https://shop.other"] };

/** `/frame?of=URL&allow=POLICY` is a page with a frame; one site has a list of related origins; all else is an empty page. */
function answer(request, response) {
  const url = new URL(request.url, "https://any");
  const origins = RELATED[request.headers.host];
  if (url.pathname === "/.well-known/webauthn" && origins !== undefined) {
    return response.setHeader("content-type", "application/json").end(JSON.stringify({ origins }));
  }
  if (url.pathname.startsWith("/.well-known/")) return response.writeHead(404).end();
  response.setHeader("content-type", "text/html; charset=utf-8");
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const frame = url.pathname === "/frame" ? `<iframe src="${escape(url.searchParams.get("of"))}" allow="${escape(url.searchParams.get("allow") ?? "")}"></iframe>` : "";
  response.end(`<!doctype html><title>Some site</title><p>Some site.</p>${frame}`);
}
