/** What could be written where the cursor stands. Read from lines and their indentation, since the text is half written. */

import { at, mapping, type Schema, alternatives } from "./schema";
import { magicEnd } from "./text";

export interface Suggestion {
  label: string;
  insert: string;
  kind: "key" | "value" | "agent" | "model" | "tool" | "pool" | "option";
  about?: string;
}

export interface Suggestions {
  /** Where what is being written begins. */
  from: number;
  items: Suggestion[];
}

/** Names that a cell may use, beyond those that it gives itself. */
export interface Known {
  tools: string[];
  models: string[];
  pools: string[];
}

interface Place {
  path: string[];
  /** Whether a key is being written there, or a value of the path's last key. */
  key: boolean;
}

const OPTIONS = ["--bg", "--dry-run", "--fresh", "--replace", "--store", "--model", "--text", "--out"];
const LINE = /^(\s*)(?:- +)*(?:(["']?)([^\s"':#{}[\],-][^"':#{}[\],]*?)\2\s*:(?:\s|$))?/;

export function suggestions(text: string, cursor: number, known: Known): Suggestions | null {
  const magic = magicEnd(text);
  if (magic < 0) return null;
  const begin = text.lastIndexOf("\n", cursor - 1) + 1;
  const before = text.slice(begin, cursor);
  const word = /[^\s,:[\]{}"']*$/.exec(before)?.[0] ?? "";
  const from = cursor - word.length;
  if (cursor <= magic) {
    if (!/%%agents\s/.test(before)) return null;
    const names = word.startsWith("-") ? values(OPTIONS, "option") : values(known.pools, "pool");
    return { from, items: names.filter(({ label }) => label.startsWith(word)) };
  }
  const place = placeAt(text.slice(magic, cursor - word.length), before.slice(0, before.length - word.length));
  if (!place) return null;
  const schema = at(place.path);
  if (!schema) return null;
  const items = place.key ? keys(schema, place.path, text, known) : valuesOf(schema, place.path, text, known);
  const begun = items.filter(({ label }) => label.toLowerCase().startsWith(word.toLowerCase()));
  return begun.length ? { from, items: begun } : null;
}

/** The path of keys to a place, given the text up to it; null where neither a key nor a value can begin. */
function placeAt(text: string, line: string): Place | null {
  const head = LINE.exec(line);
  const indent = head?.[1]?.length ?? 0;
  const parents = parentsOf(text.slice(0, text.length - line.length), indent, /^\s*- /.test(line));
  const rest = line.slice(head?.[0].length ?? 0);
  const path = head?.[3] ? [...parents, head[3]] : parents;
  const flow = flowPath(rest);
  if (flow) return { path: [...path, ...flow.path], key: flow.key };
  if (rest.trim() !== "") return null; // in the middle of a text
  if (head?.[3]) return { path, key: false };
  return { path, key: !/^\s*- +$/.test(line) };
}

/** The keys of the lines above under which a line of an indentation stands. */
function parentsOf(text: string, indent: number, listed: boolean): string[] {
  const path: string[] = [];
  let within = listed ? indent + 1 : indent; // YAML lets a list stand as far left as its key
  for (const line of text.split("\n").slice(0, -1).reverse()) {
    if (within === 0) break;
    const found = LINE.exec(line);
    const left = found?.[1]?.length ?? 0;
    if (!line.trim() || line.trim().startsWith("#") || left >= within) continue;
    if (!found?.[3]) continue;
    path.unshift(found[3]);
    within = left;
  }
  return path;
}

/** Within `{` or `[` of the same line: the keys from there on. */
function flowPath(rest: string): { path: string[]; key: boolean } | null {
  const open: { bracket: string; key: string }[] = [];
  let last = "";
  for (const [token] of rest.matchAll(/"[^"]*"|'[^']*'|[{}[\],:]|[^\s{}[\],:"']+/g)) {
    const top = open.at(-1);
    if (token === "{" || token === "[") {
      open.push({ bracket: token, key: "" });
      last = "";
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && top) top.key = last;
    else if (token === "," && top) {
      if (top.bracket === "{") top.key = "";
      last = "";
    } else last = token.replace(/["']/g, "");
  }
  const top = open.at(-1);
  if (!top) return null;
  const path = open.map(({ key }) => key).filter(Boolean);
  return { path, key: top.bracket === "{" && !top.key };
}

function keys(schema: Schema, path: readonly string[], text: string, known: Known): Suggestion[] {
  const own = mapping(schema);
  if (path.at(-1) === "gates") return [...known.tools, ...teams(text)].map((name) => ({ label: name, insert: `${name}: `, kind: "tool" }));
  return Object.entries(own?.properties ?? {}).flatMap(([key, value]) =>
    value ? [{ label: key, insert: `${key}: `, kind: "key" as const, ...(value.description ? { about: value.description } : {}) }] : [],
  );
}

function valuesOf(schema: Schema, path: readonly string[], text: string, known: Known): Suggestion[] {
  switch (path.at(-1)) {
    case "listens":
      return values(["task", "everyone", ...agents(text)], "agent");
    case "ask":
    case "owner":
      return values(["you", ...agents(text)], "agent");
    case "answer":
      return values(agents(text), "agent");
    case "model":
      return values(known.models, "model");
    case "tools":
      return values([...known.tools, ...teams(text)], "tool");
    case "python":
    case "until":
      return values(known.tools, "tool");
  }
  const found = alternatives(schema).flatMap((one) => one.enum ?? one.items?.enum ?? (one.type === "boolean" ? ["true", "false"] : []));
  return values([...new Set(found.map(String))].filter((value) => !found.includes("no") || value !== "false"), "value");
}

/** The names below `agents:`, wherever that stands. */
export function agents(text: string): string[] {
  return below(text, "agents");
}

function teams(text: string): string[] {
  return below(text, "teams");
}

function below(text: string, key: string): string[] {
  const found: string[] = [];
  let outer = -1;
  let inner = -1;
  for (const line of text.split("\n")) {
    const head = LINE.exec(line);
    if (!head?.[3] || line.trim().startsWith("- ")) continue;
    const left = head[1]?.length ?? 0;
    if (outer >= 0 && left <= outer) outer = inner = -1;
    if (outer >= 0) {
      if (inner < 0) inner = left;
      if (left === inner) found.push(head[3]);
    } else if (head[3] === key) outer = left;
  }
  return found;
}

function values(names: readonly string[], kind: Suggestion["kind"]): Suggestion[] {
  return names.map((name) => ({ label: name, insert: name, kind }));
}
