// What a view knows, as a value: a pure function takes it from one message to the next.
//
// Identity tells what changed: an agent, a turn or `order` that is the same object as before has not changed, so
// that the DOM is touched only where something is new.

import type { AgentView, Append, BarView, EdgeView, FileView, Patch, PointView, RunView, State, TurnView } from "./wire";

/** Everything that is shown. */
export interface Model {
  readonly seq: number;
  readonly run: RunView;
  /** By name, in the order of the team. */
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly turns: ReadonlyMap<string, TurnView>;
  /** Ids of turns by their first offset; a new array only when turns come or go. */
  readonly order: readonly string[];
  /** By `edgeKey`. */
  readonly edges: ReadonlyMap<string, EdgeView>;
  /** By the ids of attempts, and of events. */
  readonly bars: ReadonlyMap<string, BarView>;
  readonly points: ReadonlyMap<string, PointView>;
  /** By their paths, deleted ones too. */
  readonly files: ReadonlyMap<string, FileView>;
  /** Ids of turns that the kernel brings later; where there is none, they are missing. */
  readonly later: readonly string[];
}

/** How many turns a very long run has that a notebook does not hold. */
export function missing(model: Model): number {
  return model.later.filter((id) => !model.turns.has(id)).length;
}

/** What became of a message: `gap` means that something was missed and the state must be asked for. */
export type Outcome =
  | { readonly kind: "changed"; readonly model: Model }
  | { readonly kind: "duplicate" }
  | { readonly kind: "gap" };

/** A key that no two edges share; names of agents hold no line breaks. */
export function edgeKey(source: string, target: string): string {
  return `${source}\n${target}`;
}

/** Starts over from a state, whatever its `seq`. What was early in a long run comes behind it: what is known of that stays. */
export function fromState(state: State, before: Model | null = null): Model {
  const kept = state.later.flatMap((id) => before?.turns.get(id) ?? []);
  const turns = new Map([...kept, ...state.turns].map((turn) => [turn.id, withText(turn, before?.turns.get(turn.id))]));
  return {
    seq: state.seq,
    run: state.run,
    agents: new Map(state.agents.map((agent) => [agent.name, agent])),
    turns,
    order: sorted(turns),
    edges: new Map(state.edges.map((edge) => [edgeKey(edge.source, edge.target), edge])),
    bars: replaced(before?.bars ?? new Map(), state.bars, (bar) => bar.id),
    points: replaced(before?.points ?? new Map(), state.points, (point) => point.id),
    files: new Map(state.files.map((file) => [file.path, file])),
    later: state.later,
  };
}

/** Takes one message in; the model is never changed in place. */
export function reduce(model: Model | null, message: State | Patch): Outcome {
  if (message.kind === "state") return { kind: "changed", model: fromState(message, model) };
  if (model === null || message.seq > model.seq + 1) return { kind: "gap" };
  if (message.seq <= model.seq) return { kind: "duplicate" };
  const turns = mergeTurns(model.turns, message);
  if (turns === null) return { kind: "gap" };
  const regrouped = message.drops.length > 0 || turns.size !== model.turns.size || moved(model.turns, message.turns);
  return {
    kind: "changed",
    model: {
      seq: message.seq,
      run: message.run ?? model.run,
      agents: replaced(model.agents, message.agents, (agent) => agent.name),
      turns,
      order: regrouped ? sorted(turns) : model.order,
      edges: replaced(model.edges, message.edges, (edge) => edgeKey(edge.source, edge.target)),
      bars: replaced(model.bars, message.bars, (bar) => bar.id),
      points: replaced(model.points, message.points, (point) => point.id),
      files: replaced(model.files, message.files, (file) => file.path),
      later: model.later,
    },
  };
}

/** Returns null where text is missing in between. */
function mergeTurns(before: ReadonlyMap<string, TurnView>, patch: Patch): ReadonlyMap<string, TurnView> | null {
  if (patch.turns.length + patch.drops.length + patch.append.length === 0) return before;
  const turns = new Map(before);
  for (const turn of patch.turns) turns.set(turn.id, { ...turn, text: turns.get(turn.id)?.text ?? turn.text });
  for (const id of patch.drops) turns.delete(id);
  for (const piece of patch.append) {
    const turn = turns.get(piece.turn);
    if (turn === undefined) {
      if (patch.drops.includes(piece.turn)) continue;
      return null;
    }
    const text = extended(turn.text, piece);
    if (text === null) return null;
    if (text !== turn.text) turns.set(turn.id, { ...turn, text });
  }
  return turns;
}

function withText(turn: TurnView, known: TurnView | undefined): TurnView {
  return known !== undefined && known.text.length > turn.text.length && known.text.startsWith(turn.text) ? { ...turn, text: known.text } : turn;
}

/** Adds what is new in a piece; one that overlaps what is there adds its tail only. */
function extended(text: string, piece: Append): string | null {
  if (piece.at > text.length) return null;
  return text + piece.text.slice(text.length - piece.at);
}

function moved(before: ReadonlyMap<string, TurnView>, turns: readonly TurnView[]): boolean {
  return turns.some((turn) => before.get(turn.id)?.start !== turn.start);
}

function sorted(turns: ReadonlyMap<string, TurnView>): readonly string[] {
  return [...turns.values()].sort((a, b) => a.start - b.start).map((turn) => turn.id);
}

function replaced<T>(before: ReadonlyMap<string, T>, items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T> {
  if (items.length === 0) return before;
  const after = new Map(before);
  for (const item of items) after.set(key(item), item);
  return after;
}
