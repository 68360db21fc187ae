/**
 * The explorer's server: for this machine alone, and for one page.
 *
 * It listens on 127.0.0.1. A request whose Host header names anything else is refused, so that no other site can reach it by a
 * name of its own that leads here (DNS rebinding); so is one whose Origin is another site. There are four addresses and no files
 * behind them. It ends when it is told to, or some seconds after the last page that had it open is gone.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { errorSentence } from "../error-sentence.ts";
import { decodeTrace } from "../trace/codec.ts";
import { UsageError } from "../usage-error.ts";
import { goRequestOf, stateRequestOf } from "./request-form.ts";
import type { Session } from "./session.ts";

const LOOPBACK = "127.0.0.1";
const BODY_BYTES_MAX = 8 * 2 ** 20;
/** How long a page may be away: it is loaded again. */
const AWAY_MS = 5000;

export interface Serving {
  /** With the port: `http://127.0.0.1:40123/`. */
  readonly url: string;
  /** Once the last page is gone, or `stop` was called. */
  readonly ended: Promise<void>;
  stop(): void;
}

export interface ServerParts {
  readonly session: Session;
  /** The page, as a document. */
  readonly page: string;
  /** 0: any that is free. */
  readonly port: number;
  /** How long a page may be away, in milliseconds; some seconds unless given. */
  readonly awayMs?: number;
}

/** Throws what the system throws where the port cannot be had. */
export async function serve(parts: ServerParts): Promise<Serving> {
  return new ExplorerServer(parts).listen(parts.port);
}

/** A request that is refused, with its status. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

class ExplorerServer {
  readonly #parts: ServerParts;
  readonly #server: Server;
  /** Pages that are open: each keeps one answer waiting. */
  readonly #open = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | null = null;
  #port = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((e: unknown) => { refuse(response, e); });
    });
  }

  async listen(port: number): Promise<Serving> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, LOOPBACK, resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    const ended = new Promise<void>((resolve) => { this.#server.once("close", resolve); });
    return { url: `http://${LOOPBACK}:${this.#port}/`, ended, stop: () => { this.#stop(); } };
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#refuseForeign(request);
    const route = `${request.method ?? ""} ${request.url ?? ""}`;
    switch (route) {
      case "GET /": return send(response, 200, "text/html; charset=utf-8", this.#parts.page);
      case "GET /open": return this.#hold(response);
      case "POST /state": return sendJson(response, this.#state(await body(request)));
      case "POST /go": return sendJson(response, this.#go(await body(request)));
    }
    const known = ["/", "/open", "/state", "/go"].includes(request.url ?? "");
    throw known ? new Refusal(405, `${request.method} is not for this address`) : new Refusal(404, "there is no such address");
  }

  #refuseForeign({ headers }: IncomingMessage): void {
    const own = [`${LOOPBACK}:${this.#port}`, `localhost:${this.#port}`];
    if (!own.includes(headers.host ?? "")) throw new Refusal(403, "this server answers to its own address only");
    const { origin } = headers;
    if (origin !== undefined && !own.some((host) => origin === `http://${host}`)) throw new Refusal(403, "another site may not ask");
  }

  #state(value: unknown): unknown {
    const request = stateRequestOf(value);
    const { session } = this.#parts;
    return session.at("path" in request ? request.path : session.pathOf(decodeTrace(request.trace)));
  }

  #go(value: unknown): unknown {
    const { path, goal, way, seed } = goRequestOf(value);
    return this.#parts.session.go(path, goal, { way, seed });
  }

  /** An answer that ends when the page does. */
  #hold(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": open\n\n");
    this.#open.add(response);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    response.on("close", () => {
      this.#open.delete(response);
      if (this.#open.size === 0) this.#timer = setTimeout(() => { this.#stop(); }, this.#parts.awayMs ?? AWAY_MS);
    });
  }
}

async function body(request: IncomingMessage): Promise<unknown> {
  // A form of another site can be sent without being asked for, but not as JSON.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Refusal(415, "the request must be JSON");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Refusal(413, "the request is too long");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Refusal(400, "the request is no JSON");
  }
}

function refuse(response: ServerResponse, e: unknown): void {
  const status = e instanceof Refusal ? e.status : e instanceof UsageError ? 400 : 500;
  const message = e instanceof Refusal ? e.message : errorSentence(e);
  if (response.headersSent) response.end();
  else send(response, status, "application/json", JSON.stringify({ error: message }));
}

const sendJson = (response: ServerResponse, value: unknown): void => { send(response, 200, "application/json", JSON.stringify(value)); };

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "Content-Type": type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    // Of a request that was refused before it was read to its end.
    ...(status >= 400 ? { Connection: "close" } : {}),
  });
  response.end(text);
}
