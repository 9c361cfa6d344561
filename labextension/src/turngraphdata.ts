// The causal graph of turns as data: a row for each agent, and columns from left to right in time.
//
// A turn stands right of all that had ended when it began. So what it read stands left of it, unless that was still being
// said: turns that were spoken at the same time share a column, and an edge between two of those is a reading in between.

import type { Cast } from "./cast";
import type { Model } from "./store";
import type { TurnView } from "./wire";

/** More turns than this cannot be told apart: the last are drawn. */
export const MOST = 300;
/** More edges than this hide one another: then those of the selected turn are drawn. */
export const MOST_EDGES = 800;

export interface TurnNode {
  readonly turn: TurnView;
  readonly column: number;
  readonly row: number;
}

export interface TurnEdge {
  /** Ids of turns. */
  readonly source: string;
  readonly target: string;
}

export interface TurnGraphData {
  readonly nodes: ReadonlyMap<string, TurnNode>;
  readonly edges: readonly TurnEdge[];
  readonly columns: number;
  /** Of how many turns. */
  readonly whole: number;
}

export function turnGraph(model: Model, cast: Cast): TurnGraphData {
  const rows = new Map([...cast.keys()].map((name, row) => [name, row]));
  const order = model.order.slice(-MOST);
  const nodes = new Map<string, TurnNode>();
  const byStart = new Map<number, string>();
  const ended: { readonly end: number; readonly column: number }[] = [];
  /** The last column of each row: whatever became of a turn, the next one of its agent stands right of it. */
  const own = new Map<number, number>();
  let columns = 0;
  for (const id of order) {
    const turn = model.turns.get(id);
    const row = rows.get(turn?.agent ?? "");
    if (turn === undefined || row === undefined) continue;
    let column = (own.get(row) ?? -1) + 1;
    for (const before of ended) if (before.end < turn.start) column = Math.max(column, before.column + 1);
    nodes.set(id, { turn, column, row });
    own.set(row, column);
    byStart.set(turn.start, id);
    columns = Math.max(columns, column + 1);
    const bar = model.bars.get(id);
    ended.push({ end: bar === undefined ? turn.start : (bar.end ?? Number.POSITIVE_INFINITY), column });
  }
  const edges: TurnEdge[] = [];
  for (const [target, { turn }] of nodes) {
    for (const start of turn.causes) {
      const source = byStart.get(start);
      if (source !== undefined) edges.push({ source, target });
    }
  }
  return { nodes, edges, columns, whole: model.order.length };
}
