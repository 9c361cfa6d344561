// The fixtures that the Python side is tested with too.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { NOTHING_READ } from "../src/reading";
import type { AgentView, BarView, Patch, RunView, State, TurnView } from "../src/wire";

const FOLDER = join(import.meta.dirname, "../../tests/jupyter/wire");

export const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

export function fixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Record<string, unknown>;
}

export function agent(name: string, part: Partial<AgentView> = {}): AgentView {
  return {
    name, role: "", model: "", kind: "model", listens: [], state: "idle", note: "",
    turns: 0, turns_max: null, tokens: 0, estimated: false, rate: 0, cost: null, reading: NOTHING_READ, place: null, ...part,
  };
}

export function turn(id: string, part: Partial<TurnView> = {}): TurnView {
  return { id, name: `planner#${id}`, agent: "planner", status: "running", note: "", text: "", start: Number(id), calls: [], causes: [], ...part };
}

export function bar(id: string, part: Partial<BarView> = {}): BarView {
  return { id, agent: "planner", start: Number(id), began: 0, first: null, ended: null, end: null, how: "finished", left: false, ...part };
}

export function run(part: Partial<RunView> = {}): RunView {
  return {
    pool: "bakery", branch: "main", run: "r1", task: "Plan.", status: "running", reason: "", started: 0,
    finished: null, tokens: 0, estimated: false, tokens_max: null, cost: null, reading: NOTHING_READ, end: 0, questions: [], lets_pass: [], ...part,
  };
}

export function state(part: Partial<State> = {}): State {
  return { kind: "state", seq: 0, run: run(), agents: [agent("planner")], turns: [], edges: [], bars: [], points: [], files: [], later: [], ...part };
}

export function patch(seq: number, part: Partial<Patch> = {}): Patch {
  return { kind: "patch", seq, run: null, agents: [], turns: [], drops: [], append: [], edges: [], bars: [], points: [], files: [], ...part };
}
