/** What is wrong with a team's text, and where; the words are near those of the Python side, which has the last one. */

import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";

import { alternatives, called, mapping, resolved, type Schema, takes, TEAM } from "./schema";
import { FILLED, isTeam, yamlOf } from "./text";

export interface Problem {
  from: number;
  to: number;
  message: string;
}

/** Found where a value is of another kind than the schema's, so that another alternative may fit better. */
interface Found extends Problem {
  kind?: true;
}

/** The cell's YAML, as PyYAML reads it. */
export function document(text: string): ReturnType<typeof parseDocument> {
  return parseDocument(yamlOf(text), { version: "1.1", prettyErrors: false, merge: true, logLevel: "silent" });
}

export function problems(text: string): Problem[] {
  if (!isTeam(text)) return [];
  const parsed = document(text);
  const unread = parsed.errors.map(({ pos: [from, to], message, code }) => {
    if (code !== "DUPLICATE_KEY") return { ...some(from, to, text), message: `not readable as YAML: ${message}` };
    const key = /^(["']?)[^\s:]+\1/.exec(text.slice(from))?.[0] ?? "";
    return { ...some(from, from + key.length, text), message: "this key stands twice: rename or remove one" };
  });
  if (!isMap(parsed.contents)) return unread;
  // What stands behind a place that could not be read may be anything.
  const sure = Math.min(text.length, ...unread.map(({ from }) => from));
  return [...within(check(parsed.contents as Node, TEAM, "a team")).filter(({ to }) => to <= sure), ...unread];
}

/** A range of at least one character within a text. */
function some(from: number, to: number, text: string): { from: number; to: number } {
  const start = Math.max(0, Math.min(from, text.length - 1));
  return { from: start, to: Math.min(Math.max(to, start + 1), text.length) };
}

function check(node: Node | null, schema: Schema, key: string): Found[] {
  if (!node || isAlias(node)) return [];
  if (isScalar(node) && typeof node.value === "string" && node.value.includes(FILLED)) return [];
  const choices = alternatives(schema);
  const found = choices.map((choice) => checkOne(node, choice, key));
  const best = found.find((problems) => problems.length === 0) ?? found.find((problems) => !problems.some((one) => one.kind));
  if (best) return best;
  if (choices.length === 1) return found[0] ?? [];
  return [{ ...range(node), message: `\`${key}\` takes ${takes(schema)}`, kind: true }];
}

function checkOne(node: Node, schema: Schema, key: string): Found[] {
  if (isMap(node)) {
    if (schema.type !== "object") return [wrongKind(node, schema, key)];
    return checkKeys(node as YAMLMap<Node, Node | null>, schema, key);
  }
  if (isSeq(node)) {
    if (schema.type !== "array") return [wrongKind(node, schema, key)];
    if (node.items.length < (schema.minItems ?? 0)) return [{ ...range(node), message: `\`${key}\` is an empty list` }];
    return within(node.items.flatMap((item) => check(item as Node, schema.items ?? {}, key)));
  }
  if (!isScalar(node)) return [];
  const { value } = node;
  if (schema.enum) return schema.enum.includes(value as string) ? [] : [wrongKind(node, schema, key)];
  const types = [schema.type ?? []].flat();
  const plain = value instanceof Date ? String(node.source) : value;
  const kind = plain === null ? "null" : typeof plain === "bigint" ? "number" : typeof plain;
  if (!types.includes(kind) && !(kind === "number" && types.includes("integer"))) return [wrongKind(node, schema, key)];
  if (typeof plain === "number" || typeof plain === "bigint") {
    const number = Number(plain);
    const low = schema.minimum ?? -Infinity;
    const high = schema.maximum ?? Infinity;
    const whole = types.includes("integer") && !types.includes("number") && !Number.isInteger(number);
    if (!(low <= number && number <= high) || whole) return [{ ...range(node), message: wanted(node, schema, key) }];
  }
  if (typeof plain === "string" && schema.pattern && !new RegExp(schema.pattern, "u").test(plain)) {
    return [{ ...range(node), message: plain.trim() ? `${JSON.stringify(plain)} cannot stand in \`${key}\`` : `\`${key}\` is empty: write some text` }];
  }
  return [];
}

function checkKeys(node: YAMLMap<Node, Node | null>, schema: Schema, key: string): Found[] {
  const found: Found[] = [];
  const what = called(schema) ?? `\`${key}\``;
  for (const { key: name, value } of node.items as Pair<Node, Node | null>[]) {
    if (!isScalar(name)) continue;
    const word = String(name.value);
    if (word.includes(FILLED)) continue;
    const own = schema.properties?.[word];
    if (own === false) {
      found.push({ ...range(name), message: `${what} cannot have '${word}'` });
    } else if (own) {
      // Nothing behind a key is told as such, except where a name alone means something.
      found.push(...checkValue(name, value, own, word));
    } else if (schema.additionalProperties === false) {
      found.push({ ...range(name), message: `unknown key '${word}' for ${what}${near(word, Object.keys(schema.properties ?? {}))}` });
    } else if (schema.propertyNames?.pattern && !new RegExp(schema.propertyNames.pattern, "u").test(word)) {
      found.push({ ...range(name), message: `'${word}' cannot be a name in ${what}` });
    } else if (schema.additionalProperties) {
      found.push(...checkValue(name, value, schema.additionalProperties, word));
    }
  }
  const names = new Set(node.items.map(({ key: name }) => (isScalar(name) ? String(name.value) : "")));
  for (const needed of schema.required ?? []) {
    if (names.has(needed)) continue;
    const first = (node.items[0] as Pair<Node> | undefined)?.key ?? node;
    found.push({ ...range(first), message: `${what} needs \`${needed}\`: add a line \`${needed}: …\`` });
  }
  if (schema.minProperties && node.items.length < schema.minProperties) {
    found.push({ ...range(node), message: `${what} is empty` });
  }
  return found;
}

function checkValue(name: Node, value: Node | null, schema: Schema, key: string): Found[] {
  const found = check(value, schema, key);
  // An empty value has no place of its own to underline.
  return within(found.map((one) => (one.from < one.to ? one : { ...one, ...range(name) })));
}

/** Of a thing with parts it does not matter of which kind these should be. */
function within(found: Found[]): Found[] {
  return found.map(({ from, to, message }) => ({ from, to, message }));
}

function wrongKind(node: Node, schema: Schema, key: string): Found {
  return { ...range(node), message: wanted(node, schema, key), kind: true };
}

function wanted(node: Node, schema: Schema, key: string): string {
  const given = isScalar(node) && node.source ? `, not '${node.source}'` : "";
  if (isScalar(node) && node.value === null) return `\`${key}\` is empty: it takes ${takes(schema)}`;
  return `\`${key}\` must be ${takes(schema)}${given}`;
}

function range(node: Node): { from: number; to: number } {
  const [from, to] = node.range ?? [0, 0];
  return { from, to };
}

/** The nearest known word, where one is near. */
export function near(word: string, known: readonly string[]): string {
  let best = "";
  let least = Math.max(1, Math.floor(word.length / 2)) + 1;
  for (const name of known) {
    const far = distance(word, name);
    if (far < least) [best, least] = [name, far];
  }
  return best ? `; did you mean '${best}'?` : "";
}

/** How many letters have to be changed, added or left out (Levenshtein 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What a key at a place of the text means; null where no key stands there. */
export function meaning(text: string, place: number): { from: number; to: number; key: string; schema: Schema } | null {
  if (!isTeam(text)) return null;
  let node: Node | null = document(text).contents as Node | null;
  let schema: Schema | undefined = TEAM;
  while (node && schema) {
    if (isSeq(node)) {
      const inner = node.items.find((item) => inside(item as Node, place)) as Node | undefined;
      schema = alternatives(schema).find((one) => one.items)?.items;
      node = inner ?? null;
      continue;
    }
    if (!isMap(node)) return null;
    const keys: Schema | undefined = mapping(schema);
    const pair: Pair<Node, Node | null> | undefined = (node.items as Pair<Node, Node | null>[]).find(
      ({ key, value }) => inside(key, place) || (value && inside(value, place)),
    );
    if (!pair || !isScalar(pair.key) || !keys) return null;
    const name = String(pair.key.value);
    const own: Schema | false | undefined = keys.properties?.[name] ?? keys.additionalProperties;
    if (!own) return null;
    schema = resolved(own);
    if (inside(pair.key, place)) return { ...range(pair.key), key: name, schema };
    node = pair.value;
  }
  return null;
}

function inside(node: Node, place: number): boolean {
  const [from, to] = node.range ?? [0, -1];
  return from <= place && place < Math.max(to, from + 1);
}
