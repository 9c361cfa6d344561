// Who appears: the team in its order, then the people who spoke.

import { mark, type Mark } from "./palette";
import { NOTHING_READ } from "./reading";
import type { Model } from "./store";
import type { AgentView } from "./wire";

/** Someone with a lane and a node. */
export interface Member {
  readonly agent: AgentView;
  readonly mark: Mark;
  /** Ids of its turns, in order. */
  readonly turns: readonly string[];
}

/** By name. */
export type Cast = ReadonlyMap<string, Member>;

/** Finds the cast of a model, and keeps it while neither the agents nor the set of turns change. */
export class Casting {
  private seen: Pick<Model, "agents" | "order"> | null = null;
  private turns: ReadonlyMap<string, readonly string[]> = new Map();
  private cast: Cast = new Map();

  of(model: Model): Cast {
    if (this.seen?.agents !== model.agents || this.seen.order !== model.order) {
      if (this.seen?.order !== model.order) this.turns = turnsOf(model, this.turns);
      this.seen = model;
      this.cast = castOf(model, this.turns);
    }
    return this.cast;
  }
}

/** The ids of everyone's turns; the list that was there before, where it is the same. */
function turnsOf(model: Model, before: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const turns = new Map<string, string[]>();
  for (const id of model.order) {
    const agent = model.turns.get(id)?.agent ?? "";
    const own = turns.get(agent);
    if (own === undefined) turns.set(agent, [id]);
    else own.push(id);
  }
  return new Map([...turns].map(([agent, own]) => [agent, kept(before.get(agent), own)]));
}

/** The list that was there, where it is the same: what did not change is not drawn anew. */
export function kept(before: readonly string[] | undefined, now: readonly string[]): readonly string[] {
  return before !== undefined && before.length === now.length && before.every((id, index) => id === now[index]) ? before : now;
}

function castOf(model: Model, turns: ReadonlyMap<string, readonly string[]>): Cast {
  const cast = new Map<string, Member>();
  let index = 0;
  for (const agent of model.agents.values()) {
    if (agent.kind === "person") continue;
    cast.set(agent.name, { agent, mark: mark(agent.place ?? index), turns: turns.get(agent.name) ?? [] });
    index += 1; // for a kernel that names no places
  }
  // A person has a lane once there is something in it, whether or not the kernel lists people as agents.
  for (const [name, own] of turns) {
    if (!cast.has(name)) cast.set(name, { agent: model.agents.get(name) ?? person(name), mark: mark(null), turns: own });
  }
  return cast;
}

function person(name: string): AgentView {
  return {
    name,
    role: "",
    model: "",
    kind: "person",
    listens: [],
    state: "idle",
    note: "",
    turns: 0,
    turns_max: null,
    tokens: 0,
    estimated: false,
    rate: 0,
    cost: null,
    reading: NOTHING_READ,
    place: null,
  };
}
