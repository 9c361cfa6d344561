// What a view asks about a turn, and what it is told: the mirror of `agentpool_jupyter/jupyter/live/cards.py`.

import { Fields, text } from "./fields";

const ABOUTS = ["card", "alike", "spread"] as const;
export type About = (typeof ABOUTS)[number];

/** A question about a turn; `view` is whom the answer is for. */
export interface Ask {
  readonly kind: "ask";
  readonly view: string;
  readonly turn: string;
  readonly about: About;
  /** The words whose spread is asked for. */
  readonly text: string;
  /** The offset of the prompt whose words are wanted on the card; null is the first that counts. */
  readonly prompt: number | null;
}

/** A turn that a card names, and what there is to say of it. */
export interface NamedTurn {
  readonly id: string;
  readonly name: string;
  readonly why: string;
}

/** One message of a prompt; its text is exactly what was sent. */
export interface PromptMessage {
  readonly role: string;
  readonly text: string;
  readonly calls: readonly string[];
}

/** What a model was asked by one call. */
export interface PromptView {
  readonly offset: number;
  readonly attempt: number;
  readonly seen: number;
  /** How the server was made to go on; empty for the first prompt of an attempt. */
  readonly way: string;
  /** Why the words are not known to be those that were sent; empty where they have the digest of the log. */
  readonly problem: string;
  /** Null where they were not asked for. */
  readonly messages: readonly PromptMessage[] | null;
}

/** A passage that was found, with its exact score. */
export interface HitView {
  readonly score: number;
  readonly question: string;
  readonly source: string;
  readonly excerpt: string;
  readonly text: string;
}

/** A turn in which words stand, or nearly so. */
export interface PlaceView {
  readonly id: string;
  readonly name: string;
  readonly offset: number;
  readonly score: number;
  readonly origin: string;
  readonly text: string;
}

/** What the log says of a turn. */
export interface Card {
  readonly kind: "card";
  readonly view: string;
  readonly turn: string;
  readonly head: string;
  readonly model: string;
  readonly start: number;
  readonly end: number | null;
  readonly attempts: number;
  /** Seconds, as the next. */
  readonly first_token: number | null;
  readonly seconds: number | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly estimated: boolean;
  /** US dollars. */
  readonly cost: number | null;
  readonly shares: Readonly<Record<string, number>>;
  readonly read: readonly NamedTurn[];
  readonly read_count: number;
  readonly unread: readonly NamedTurn[];
  readonly unread_count: number;
  readonly readers: readonly NamedTurn[];
  readonly readers_count: number;
  readonly before: number;
  readonly after: number;
  readonly given: string;
  readonly prompts: readonly PromptView[];
  readonly calls: readonly string[];
  readonly votes: readonly string[];
  readonly recalled: readonly HitView[];
  readonly files: readonly string[];
  readonly errors: readonly string[];
  readonly labels: readonly string[];
}

/** What was said or written before that is like a turn, best first. */
export interface Alike {
  readonly kind: "alike";
  readonly view: string;
  readonly turn: string;
  readonly hits: readonly HitView[];
  readonly notes: readonly string[];
}

/** Where words of a turn stand, in the order in which the log took them. */
export interface Spread {
  readonly kind: "spread";
  readonly view: string;
  readonly turn: string;
  readonly text: string;
  /** The first ones. */
  readonly places: readonly PlaceView[];
  /** Of how many. */
  readonly count: number;
}

/** Why a question has no answer. */
export interface Untold {
  readonly kind: "untold";
  readonly view: string;
  readonly turn: string;
  readonly about: About;
  readonly problem: string;
}

export type ToldTurn = Card | Alike | Spread | Untold;

/** Checks an answer; null is a kind that this page does not know. */
export function answer(fields: Fields): ToldTurn | null {
  const kind = fields.text("kind", "");
  if (kind !== "card" && kind !== "alike" && kind !== "spread" && kind !== "untold") return null;
  const whom = { view: fields.text("view"), turn: fields.text("turn") };
  switch (kind) {
    case "card":
      return { kind, ...whom, ...card(fields) };
    case "alike":
      return { kind, ...whom, hits: fields.list("hits", hit), notes: fields.list("notes", text) };
    case "spread":
      return { kind, ...whom, text: fields.text("text"), places: fields.list("places", place), count: fields.number("count", 0) };
    case "untold":
      return { kind, ...whom, about: fields.word("about", ABOUTS, "card"), problem: fields.text("problem") };
  }
}

function card(fields: Fields): Omit<Card, "kind" | "view" | "turn"> {
  const shares = new Fields(fields.get("shares") ?? {}, "card.shares");
  return {
    head: fields.text("head", ""),
    model: fields.text("model", ""),
    start: fields.number("start", 0),
    end: fields.numberOrNull("end"),
    attempts: fields.number("attempts", 1),
    first_token: fields.numberOrNull("first_token"),
    seconds: fields.numberOrNull("seconds"),
    prompt_tokens: fields.numberOrNull("prompt_tokens"),
    completion_tokens: fields.numberOrNull("completion_tokens"),
    estimated: fields.get("estimated") === true,
    cost: fields.numberOrNull("cost"),
    shares: Object.fromEntries(shares.names().map((name) => [name, shares.number(name)])),
    read: fields.list("read", named),
    read_count: fields.number("read_count", 0),
    unread: fields.list("unread", named),
    unread_count: fields.number("unread_count", 0),
    readers: fields.list("readers", named),
    readers_count: fields.number("readers_count", 0),
    before: fields.number("before", 0),
    after: fields.number("after", 0),
    given: fields.text("given", ""),
    prompts: fields.list("prompts", prompt),
    calls: fields.list("calls", text),
    votes: fields.list("votes", text),
    recalled: fields.list("recalled", hit),
    files: fields.list("files", text),
    errors: fields.list("errors", text),
    labels: fields.list("labels", text),
  };
}

function named(value: unknown, where: string): NamedTurn {
  const fields = new Fields(value, where);
  return { id: fields.text("id"), name: fields.text("name"), why: fields.text("why", "") };
}

function prompt(value: unknown, where: string): PromptView {
  const fields = new Fields(value, where);
  return {
    offset: fields.number("offset"),
    attempt: fields.number("attempt", 1),
    seen: fields.number("seen", 0),
    way: fields.text("way", ""),
    problem: fields.text("problem", ""),
    messages: (fields.get("messages") ?? null) === null ? null : fields.list("messages", message),
  };
}

function message(value: unknown, where: string): PromptMessage {
  const fields = new Fields(value, where);
  return { role: fields.text("role"), text: fields.text("text", ""), calls: fields.list("calls", text) };
}

function hit(value: unknown, where: string): HitView {
  const fields = new Fields(value, where);
  return {
    score: fields.number("score"),
    question: fields.text("question"),
    source: fields.text("source"),
    excerpt: fields.text("excerpt", ""),
    text: fields.text("text", ""),
  };
}

function place(value: unknown, where: string): PlaceView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name"),
    offset: fields.number("offset", 0),
    score: fields.number("score"),
    origin: fields.text("origin", ""),
    text: fields.text("text", ""),
  };
}
