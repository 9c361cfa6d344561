import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Ask, Card } from "../src/cardwire";
import { factsOf, readersOf } from "../src/cardfacts";
import { Casting } from "../src/cast";
import { Inquiry } from "../src/inquiry";
import { shownTurn } from "../src/picking";
import { Selection } from "../src/selection";
import { fromState, type Model } from "../src/store";
import { MOST, turnGraph } from "../src/turngraphdata";
import { parse, type BarView } from "../src/wire";
import { agent, bar, fixture, state, turn } from "./fixtures";

function model(...turns: Parameters<typeof turn>[]): Model {
  const views = turns.map((one) => turn(...one));
  return fromState(state({ agents: [agent("planner"), agent("critic")], turns: views, bars: views.map((view) => bar(view.id, { agent: view.agent, start: view.start, end: view.start + 1 })) }));
}

describe("the selection", () => {
  it("tells each who listens of each change, and of nothing else", () => {
    const selection = new Selection();
    const [one, other] = [vi.fn(), vi.fn()];
    selection.subscribe(one);
    const end = selection.subscribe(other);
    selection.select("1");
    selection.select("1");
    selection.select("1", "0", true);
    end();
    selection.clear();
    selection.clear();
    expect(one.mock.calls.map(([selected]) => selected)).toEqual([
      { turn: "1", source: null, byKey: false },
      { turn: "1", source: "0", byKey: true },
      null,
    ]);
    expect(other).toHaveBeenCalledTimes(2);
    expect(selection.current).toBeNull();
  });

  it("is of the turn that counts, where an attempt is pressed that was broken off", () => {
    const broken: BarView = bar("0", { start: 1, end: 2, how: "again" });
    const now = model(["3", { start: 3 }], ["4", { start: 4, agent: "critic" }]);
    const both = { ...now, bars: new Map([...now.bars, ["0", broken]]) };
    expect([shownTurn(both, "0"), shownTurn(both, "4"), shownTurn(both, "nobody's")]).toEqual(["3", "4", null]);
  });
});

describe("the graph of turns", () => {
  it("stands what had ended left of what began later, and what was spoken at once in a column", () => {
    const now = model(["1"], ["2", { agent: "critic" }], ["5", { causes: [1, 2] }]);
    const graph = turnGraph(now, new Casting().of(now));
    expect([...graph.nodes.values()].map(({ turn: { id }, column, row }) => [id, column, row])).toEqual([["1", 0, 0], ["2", 0, 1], ["5", 1, 0]]);
    expect(graph.edges).toEqual([{ source: "1", target: "5" }, { source: "2", target: "5" }]);
    expect(readersOf(now, turn("1")).map(({ id }) => id)).toEqual(["5"]);
  });

  it("puts no two turns of an agent in a place, whatever became of the first", () => {
    const cut = model(["1"], ["2"]);
    const open = { ...cut, bars: new Map([["1", bar("1", { start: 1 })], ["2", bar("2", { start: 2 })]]) };
    expect([...turnGraph(open, new Casting().of(open)).nodes.values()].map(({ column }) => column)).toEqual([0, 1]);
  });

  it("draws the last of many turns and knows how many there are; what came from earlier ones hangs on nothing", () => {
    const many = model(...Array.from({ length: MOST + 5 }, (_, index): Parameters<typeof turn> => [String(index * 2), { causes: [0, index * 2 - 2] }]));
    const graph = turnGraph(many, new Casting().of(many));
    expect([graph.nodes.size, graph.whole, graph.columns, graph.edges.length]).toEqual([MOST, MOST + 5, MOST, MOST - 1]);
  });
});

describe("asking about a turn", () => {
  const sent: Omit<Ask, "kind" | "view">[] = [];
  const card = parse(fixture("view-card.json")) as Card;
  let inquiry: Inquiry;
  let changed: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    sent.length = 0;
    changed = vi.fn();
    inquiry = new Inquiry((question) => sent.push(question) > 0, changed);
  });
  afterEach(() => {
    inquiry.close();
    vi.useRealTimers();
  });

  it("asks once, and again as the turn becomes another, but not at once", () => {
    inquiry.about("t2", "running");
    inquiry.about("t2", "running");
    inquiry.about("t2", "finished");
    expect(sent).toEqual([{ turn: "t2", about: "card", text: "", prompt: null }]);
    inquiry.hear(card);
    inquiry.about("t2", "finished");
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(2_000);
    inquiry.about("t2", "finished");
    expect(sent).toHaveLength(2);
    expect(inquiry.told.card).toBe(card);
  });

  it("keeps the words of prompts that it was told before", () => {
    inquiry.about("t2", "finished");
    inquiry.hear(card);
    inquiry.hear({ ...card, prompts: card.prompts.map((one) => ({ ...one, messages: one.offset === 3 ? [] : null })) });
    expect([...inquiry.told.prompts.keys()]).toEqual([8, 3]);
    expect(inquiry.told.prompts.get(8)?.[0]?.text).toBe("You are planner.\n<b>Costs: $5 and $6</b>");
  });

  it("takes no answer about another turn, and forgets what was told of the one before", () => {
    inquiry.about("t2", "finished");
    inquiry.about("t6", "finished");
    inquiry.hear(card);
    expect(inquiry.told.card).toBeNull();
    expect(sent.map(({ turn: id }) => id)).toEqual(["t2", "t6"]);
  });

  it("says why there is no answer, also where none comes", () => {
    inquiry.about("t2", "finished");
    inquiry.hear({ kind: "untold", view: "v", turn: "t2", about: "card", problem: "no such turn" });
    expect(inquiry.told.problems.get("card")).toBe("no such turn");
    expect(inquiry.ask("alike")).toBe(true);
    expect(inquiry.ask("alike")).toBe(false);
    vi.advanceTimersByTime(30_000);
    expect(inquiry.told.problems.get("alike")).toContain("has not answered");
    expect(inquiry.told.asked.size).toBe(0);
  });

  it("tells a turn in figures, first those of the page and then those of the log", () => {
    const now = model(["1"]);
    const own = turn("1", { status: "finished" });
    const told = (from: Card | null) => Object.fromEntries(factsOf(now, own, from).map(({ what, told: words }) => [what, words]));
    expect(told(null)).toEqual({ state: "finished", latency: "no token yet", offsets: "1 to 2" });
    expect(told(card)).toEqual({
      state: "finished", attempts: "2", model: "local", latency: "first token 0.31 s · total 1.52 s",
      tokens: "431 = prompt 310 (task 120 + own text 80 + others 110) + said 121", cost: "$0.0012", offsets: "3 to 12",
    });
  });
});
