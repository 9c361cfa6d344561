/** What travels between the kernel and a page; `agentpool_jupyter/jupyter/panel/wire.py` is its mirror and says more. */

/** The comm's target. A kernel that does not know it closes the comm at once: it has no agents. */
export const TARGET = "agentpool";

export interface Watch {
  running: boolean;
  pools: boolean;
  documents: string[];
}

export type Errand =
  | { kind: "stop"; pool: string; run: string }
  | { kind: "vote"; pool: string; seen: Record<string, number>; accept: boolean; text: string }
  | { kind: "tag"; pool: string; name: string }
  | { kind: "export"; pool: string; file: string }
  | { kind: "delete"; pool: string }
  | { kind: "names" }
  | { kind: "check"; text: string }
  | { kind: "picture"; pool: string; run: string; mark: string };

export type FromPage = ({ kind: "watch" } & Watch) | (Errand & { ask: number });

export interface PoolRow {
  name: string;
  current: boolean;
  state: string;
  size: number | null;
  events: number | null;
  tokens: number | null;
  estimated: boolean;
  cost: number | null;
}

export interface RunRow {
  id: string;
  pool: string;
  state: string;
  here: boolean;
  owner: string;
  task: string;
  agents: string[];
  tokens: number;
  estimated: boolean;
  cost: number | null;
}

export interface WaitingRow {
  pool: string;
  id: string;
  agents: string[];
  what: string[];
  seen: Record<string, number>;
  why: string;
  warning: string;
  until: string;
}

export interface Running {
  kind: "running";
  runs: RunRow[];
  current: string;
}

export interface Overview {
  kind: "overview";
  store: string;
  pools: PoolRow[];
  runs: RunRow[];
  waiting: WaitingRow[];
  problem: string;
}

export interface PoolDocument {
  kind: "document";
  pool: string;
  parts: Record<string, string>;
  turns: number;
  events: number;
}

export interface Names {
  kind: "names";
  ask: number;
  tools: string[];
  models: string[];
  pools: string[];
}

export interface Checked {
  kind: "checked";
  ask: number;
  line: number;
  text: string;
}

export interface PictureNow {
  kind: "pictured";
  ask: number;
  html: string;
  text: string;
  ended: boolean;
}

export interface ErrandDone {
  kind: "answer";
  ask: number;
  text: string;
  failed: boolean;
}

export type ToPage = Running | Overview | PoolDocument | Names | Checked | PictureNow | ErrandDone;

/** What answers an errand. */
export type Answer = Names | Checked | PictureNow | ErrandDone;

const FIELDS: Record<ToPage["kind"], Record<string, "string" | "number" | "boolean" | "array" | "object">> = {
  running: { runs: "array", current: "string" },
  overview: { store: "string", pools: "array", runs: "array", waiting: "array", problem: "string" },
  document: { pool: "string", parts: "object", turns: "number", events: "number" },
  names: { ask: "number", tools: "array", models: "array", pools: "array" },
  checked: { ask: "number", line: "number", text: "string" },
  pictured: { ask: "number", html: "string", text: "string", ended: "boolean" },
  answer: { ask: "number", text: "string", failed: "boolean" },
};

/** The message, or null for what this version cannot read: the kernel may be newer, or older. */
export function parse(data: unknown): ToPage | null {
  const message = data as Record<string, unknown> | null;
  const fields = FIELDS[message?.["kind"] as ToPage["kind"]];
  if (!message || !fields) return null;
  const fits = ([name, type]: [string, string]) =>
    type === "array" ? Array.isArray(message[name]) : typeof message[name] === type;
  return Object.entries(fields).every(fits) ? (message as unknown as ToPage) : null;
}
