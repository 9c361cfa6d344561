// What travels between kernel and widget: the mirror of `agentpool_jupyter/jupyter/live/wire.py`.
// Both sides are tested against the same fixtures, `tests/jupyter/wire/*.json`.
//
// The kernel may be newer than this page (a re-opened notebook), so that unknown fields and unknown kinds of
// message are passed over, as everywhere in the project; a known field with a wrong type is an error.

import { answer, type Ask, type ToldTurn } from "./cardwire";
import { Fields, text, WireError } from "./fields";

export { WireError } from "./fields";

const AGENT_KINDS = ["model", "python", "person"] as const;
const AGENT_STATES = ["idle", "thinking", "speaking", "retrying", "failed", "done"] as const;
const RUN_STATUSES = ["starting", "running", "stopping", "finished", "failed", "stopped", "lost"] as const;
const TURN_STATUSES = ["running", "finished", "failed", "cancelled"] as const;
const BAR_ENDS = ["running", "finished", "failed", "cancelled", "again", "lost"] as const;
const ACTIONS = ["rollback", "branch", "diff"] as const;
const POINT_KINDS = ["call", "vote", "message", "fork", "head"] as const;

const POINT_HOWS = ["", "asked", "begun", "done", "failed", "yes", "no", "back", "undo"] as const;

export type AgentKind = (typeof AGENT_KINDS)[number];
export type AgentState = (typeof AGENT_STATES)[number];
export type RunStatus = (typeof RUN_STATUSES)[number];
export type TurnStatus = (typeof TURN_STATUSES)[number];
export type BarEnd = (typeof BAR_ENDS)[number];
/** What a magic of that name does. */
export type Action = (typeof ACTIONS)[number];
export type PointKind = (typeof POINT_KINDS)[number];
export type PointHow = (typeof POINT_HOWS)[number];

/** What reading has cost: prompt tokens by what they were, and turns that missed something. */
export interface Reading {
  readonly task: number;
  readonly own: number;
  readonly others: number;
  readonly recalled: number;
  /** Finished turns during which something was said that they should have read. */
  readonly stale: number;
  /** Turns that were overtaken and begun anew. */
  readonly restarts: number;
}

/** One lane's head, and one node of the graph. */
export interface AgentView {
  readonly name: string;
  readonly role: string;
  readonly model: string;
  readonly kind: AgentKind;
  /** By name; null is everyone. */
  readonly listens: readonly string[] | null;
  readonly state: AgentState;
  /** Why it is in that state, in a few words. */
  readonly note: string;
  readonly turns: number;
  readonly turns_max: number | null;
  readonly tokens: number;
  /** Its tokens and its cost are at most what stands here: a server did not count them all. */
  readonly estimated: boolean;
  /** Completion tokens per second, now. */
  readonly rate: number;
  /** US dollars. */
  readonly cost: number | null;
  readonly reading: Reading;
  /** Its place among all agents that the pool ever had, which says its colour; null for a person. */
  readonly place: number | null;
}

/** One call of a tool, in the turn that made it. */
export interface CallView {
  readonly id: string;
  /** The call, in a line. */
  readonly what: string;
  /** What became of it. */
  readonly status: string;
  /** What its agent was told. */
  readonly answer: string;
  /** What it printed. */
  readonly output: string;
}

/** One turn of one agent; in a patch `text` is empty, and text comes as `Append`. */
export interface TurnView {
  readonly id: string;
  readonly name: string;
  readonly agent: string;
  readonly status: TurnStatus;
  readonly note: string;
  readonly text: string;
  /** Its first offset: turns are shown in this order. */
  readonly start: number;
  /** In their order. */
  readonly calls: readonly CallView[];
  /** The first offsets of the turns that it came from. */
  readonly causes: readonly number[];
}

/** How much text (`chars`) of `source` went into prompts of `target`. */
export interface EdgeView {
  readonly source: string;
  readonly target: string;
  readonly chars: number;
}

/** An answer: to one call, and to those that were shown with it (`more`), each with what was seen of it. */
export interface Resolve {
  readonly kind: "resolve";
  readonly id: string;
  readonly accept: boolean;
  readonly text: string;
  readonly seen: number;
  readonly more: Readonly<Record<string, number>>;
}

/** A further call that the same answer is for. */
export interface AlikeView {
  readonly id: string;
  readonly agent: string;
  readonly what: string;
  readonly seen: number;
}

/** What an agent wants to do and may not before a person agrees. */
export interface QuestionView {
  readonly id: string;
  readonly agent: string;
  /** The call exactly, in a line. */
  readonly what: string;
  /** Who has answered, and who has not. */
  readonly why: string;
  /** Until when an answer counts, in milliseconds since the epoch; null is no limit. */
  readonly until: number | null;
  /** What it rests on. */
  readonly rests: string;
  /** What of that has changed, so that it is asked again; empty where nothing has. */
  readonly again: string;
  /** What an answer carries: one to the question before a change does not count. */
  readonly seen: number;
  /** Calls of the same tool behind the same gate: one answer is for all of them. */
  readonly more: readonly AlikeView[];
}

/** The head line. Times are milliseconds since the epoch. */
export interface RunView {
  readonly pool: string;
  readonly branch: string;
  readonly run: string;
  readonly task: string;
  readonly status: RunStatus;
  readonly reason: string;
  readonly started: number;
  readonly finished: number | null;
  readonly tokens: number;
  /** As of an agent's. */
  readonly estimated: boolean;
  readonly tokens_max: number | null;
  readonly cost: number | null;
  /** Of all agents together. */
  readonly reading: Reading;
  readonly end: number;
  /** What waits for a person, oldest first. */
  readonly questions: readonly QuestionView[];
  /** Gates that let pass instead of failing closed, and calls that they let pass, in words. */
  readonly lets_pass: readonly string[];
}

/** One attempt at a turn, from when to when; times are milliseconds since the epoch. */
export interface BarView {
  readonly id: string;
  readonly agent: string;
  readonly start: number;
  readonly began: number;
  /** When its first token came. */
  readonly first: number | null;
  readonly ended: number | null;
  readonly end: number | null;
  /** `again` is an attempt that failed or was overtaken, and was followed by another. */
  readonly how: BarEnd;
  /** It stands on a line of history that was left. */
  readonly left: boolean;
}

/** Something that happened at one moment, on its agent's row. */
export interface PointView {
  readonly id: string;
  readonly agent: string;
  readonly offset: number;
  readonly at: number;
  readonly what: PointKind;
  /** What became of a call, what a vote said, and whether a move of the head went back or took that back. */
  readonly how: PointHow;
  readonly told: string;
}

/** One file of the run's line. */
export interface FileView {
  readonly path: string;
  readonly version: number;
  /** Bytes; null where it was deleted. */
  readonly size: number | null;
  readonly agent: string;
}

/** More text for a turn; `at` counts UTF-16 code units, as `String.length` does. */
export interface Append {
  readonly turn: string;
  readonly at: number;
  readonly text: string;
}

/** All there is to show. */
export interface State {
  readonly kind: "state";
  readonly seq: number;
  readonly run: RunView;
  readonly agents: readonly AgentView[];
  readonly turns: readonly TurnView[];
  readonly edges: readonly EdgeView[];
  readonly bars: readonly BarView[];
  readonly points: readonly PointView[];
  readonly files: readonly FileView[];
  /** Ids of turns that the patches that follow bring. */
  readonly later: readonly string[];
}

/** What changed since `seq - 1`. */
export interface Patch {
  readonly kind: "patch";
  readonly seq: number;
  readonly run: RunView | null;
  readonly agents: readonly AgentView[];
  readonly turns: readonly TurnView[];
  readonly drops: readonly string[];
  readonly append: readonly Append[];
  readonly edges: readonly EdgeView[];
  readonly bars: readonly BarView[];
  readonly points: readonly PointView[];
  readonly files: readonly FileView[];
}

/** How everything stood at an earlier moment, for the view that asked; a rollback to it would keep up to `offset`. */
export interface Then {
  readonly kind: "then";
  readonly view: string;
  readonly at: number;
  readonly offset: number;
  readonly state: State;
  /** Ids of further turns, which were then as they are now. */
  readonly same: readonly string[];
}

/** Asks for what a magic does at a position; a rollback is done where the person is `sure`, and else only told. */
export interface ActAt {
  readonly kind: "act";
  readonly view: string;
  readonly action: Action;
  /** An offset or a turn's name. */
  readonly at: string;
  /** That of the new branch; empty is any. */
  readonly name: string;
  readonly sure: boolean;
}

/** What came of it, for the view that asked. */
export interface ActOutcome {
  readonly kind: "outcome";
  readonly view: string;
  readonly action: Action;
  readonly at: string;
  /** In a line: what was done, what would leave the document, or why it cannot be done. */
  readonly told: string;
  /** What was done outside the pool, and is not undone. */
  readonly effects: readonly string[];
  /** What changed or would change, as the kernel has rendered it. */
  readonly html: string;
  /** Nothing was done yet: the person is asked whether they are sure. */
  readonly asks: boolean;
  readonly failed: boolean;
}

/** What a view asked for could not be done. */
export interface Problem {
  readonly kind: "problem";
  readonly text: string;
}

export type ToView = State | Patch | Then | ActOutcome | Problem | ToldTurn;
export type ToKernel =
  | { readonly kind: "hello" }
  | { readonly kind: "stop" }
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "look"; readonly view: string; readonly at: number }
  | Ask
  | Resolve
  | ActAt;

/**
 * Checks a message from the kernel.
 *
 * @returns the message with defaults filled in, or null for a kind that this page does not know.
 * @throws WireError naming the field that is wrong.
 */
export function parse(value: unknown): ToView | null {
  const fields = new Fields(value, "message");
  switch (fields.text("kind", "")) {
    case "state":
      return state(fields);
    case "then":
      return {
        kind: "then",
        view: fields.text("view"),
        at: fields.number("at"),
        offset: fields.number("offset"),
        state: state(new Fields(fields.get("state"), "message.state")),
        same: fields.list("same", text),
      };
    case "patch": {
      const head = fields.get("run") ?? null;
      return {
        kind: "patch",
        seq: fields.number("seq"),
        run: head === null ? null : run(head, "run"),
        agents: fields.list("agents", agent),
        turns: fields.list("turns", turn),
        drops: fields.list("drops", text),
        append: fields.list("append", append),
        edges: fields.list("edges", edge),
        bars: fields.list("bars", bar),
        points: fields.list("points", point),
        files: fields.list("files", file),
      };
    }
    case "outcome":
      return {
        kind: "outcome",
        view: fields.text("view"),
        action: fields.word("action", ACTIONS, "rollback"),
        at: fields.text("at"),
        told: fields.text("told"),
        effects: fields.list("effects", text),
        html: fields.text("html", ""),
        asks: fields.get("asks") === true,
        failed: fields.get("failed") === true,
      };
    case "problem":
      return { kind: "problem", text: fields.text("text") };
    default:
      return answer(fields);
  }
}

function state(fields: Fields): State {
  return {
    kind: "state",
    seq: fields.number("seq"),
    run: run(fields.get("run"), "run"),
    agents: fields.list("agents", agent),
    turns: fields.list("turns", turn),
    edges: fields.list("edges", edge),
    bars: fields.list("bars", bar),
    points: fields.list("points", point),
    files: fields.list("files", file),
    later: fields.list("later", text),
  };
}

function bar(value: unknown, where: string): BarView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    agent: fields.text("agent"),
    start: fields.number("start"),
    began: fields.number("began"),
    first: fields.numberOrNull("first"),
    ended: fields.numberOrNull("ended"),
    end: fields.numberOrNull("end"),
    how: fields.word("how", BAR_ENDS, "running"),
    left: fields.get("left") === true,
  };
}

function point(value: unknown, where: string): PointView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    agent: fields.text("agent"),
    offset: fields.number("offset"),
    at: fields.number("at"),
    what: fields.word("what", POINT_KINDS, "message"),
    how: fields.word("how", POINT_HOWS, ""),
    told: fields.text("told"),
  };
}

function file(value: unknown, where: string): FileView {
  const fields = new Fields(value, where);
  return { path: fields.text("path"), version: fields.number("version"), size: fields.numberOrNull("size"), agent: fields.text("agent", "") };
}

function agent(value: unknown, where: string): AgentView {
  const fields = new Fields(value, where);
  return {
    name: fields.text("name"),
    role: fields.text("role", ""),
    model: fields.text("model", ""),
    kind: fields.word("kind", AGENT_KINDS, "model"),
    listens: fields.get("listens") === null ? null : fields.list("listens", text),
    state: fields.word("state", AGENT_STATES, "idle"),
    note: fields.text("note", ""),
    turns: fields.number("turns", 0),
    turns_max: fields.numberOrNull("turns_max"),
    tokens: fields.number("tokens", 0),
    estimated: fields.get("estimated") === true,
    rate: fields.number("rate", 0),
    cost: fields.numberOrNull("cost"),
    reading: reading(fields.get("reading") ?? {}, `${where}.reading`),
    place: fields.numberOrNull("place"),
  };
}

function reading(value: unknown, where: string): Reading {
  const fields = new Fields(value, where);
  return {
    task: fields.number("task", 0),
    own: fields.number("own", 0),
    others: fields.number("others", 0),
    recalled: fields.number("recalled", 0),
    stale: fields.number("stale", 0),
    restarts: fields.number("restarts", 0),
  };
}

function turn(value: unknown, where: string): TurnView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    name: fields.text("name"),
    agent: fields.text("agent"),
    status: fields.word("status", TURN_STATUSES, "running"),
    note: fields.text("note", ""),
    text: fields.text("text", ""),
    start: fields.number("start", 0),
    calls: fields.list("calls", call),
    causes: fields.list("causes", integer),
  };
}

function integer(value: unknown, where: string): number {
  if (typeof value !== "number") throw new WireError(`${where}: expected a number`);
  return value;
}

function call(value: unknown, where: string): CallView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    what: fields.text("what"),
    status: fields.text("status"),
    answer: fields.text("answer", ""),
    output: fields.text("output", ""),
  };
}

function edge(value: unknown, where: string): EdgeView {
  const fields = new Fields(value, where);
  return { source: fields.text("source"), target: fields.text("target"), chars: fields.number("chars", 0) };
}

function run(value: unknown, where: string): RunView {
  const fields = new Fields(value, where);
  return {
    pool: fields.text("pool"),
    branch: fields.text("branch", "main"),
    run: fields.text("run", ""),
    task: fields.text("task", ""),
    status: fields.word("status", RUN_STATUSES, "starting"),
    reason: fields.text("reason", ""),
    started: fields.number("started", 0),
    finished: fields.numberOrNull("finished"),
    tokens: fields.number("tokens", 0),
    estimated: fields.get("estimated") === true,
    tokens_max: fields.numberOrNull("tokens_max"),
    cost: fields.numberOrNull("cost"),
    reading: reading(fields.get("reading") ?? {}, `${where}.reading`),
    end: fields.number("end", 0),
    questions: fields.list("questions", question),
    lets_pass: fields.list("lets_pass", text),
  };
}

function question(value: unknown, where: string): QuestionView {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    agent: fields.text("agent"),
    what: fields.text("what"),
    why: fields.text("why", ""),
    until: fields.numberOrNull("until"),
    rests: fields.text("rests", ""),
    again: fields.text("again", ""),
    seen: fields.number("seen", 0),
    more: fields.list("more", alike),
  };
}

function alike(value: unknown, where: string): AlikeView {
  const fields = new Fields(value, where);
  return { id: fields.text("id"), agent: fields.text("agent"), what: fields.text("what"), seen: fields.number("seen", 0) };
}

function append(value: unknown, where: string): Append {
  const fields = new Fields(value, where);
  return { turn: fields.text("turn"), at: fields.number("at"), text: fields.text("text") };
}
