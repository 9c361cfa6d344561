// The two graphs of a run, one at a time: agents and what flowed between them, and turns and who read whom.

import type { Cast } from "./cast";
import { element, setAttribute } from "./dom";
import { Graph } from "./graph";
import type { Selected, Selection } from "./selection";
import type { Model } from "./store";
import { TurnGraph } from "./turngraph";

type Page = "agents" | "turns";

export class Graphs {
  readonly root: HTMLElement;
  private readonly agents = new Graph((agent, source) => this.pick(agent, source));
  private readonly turns = new TurnGraph();
  private readonly buttons: Readonly<Record<Page, HTMLButtonElement>>;
  private page: Page = "agents";
  private latest: { model: Model; cast: Cast } | null = null;

  constructor(private readonly selection: Selection) {
    const button = (page: Page, label: string): HTMLButtonElement => element("button", { type: "button", class: `ap-graph-${page}` }, label);
    this.buttons = { agents: button("agents", "Agents"), turns: button("turns", "Turns") };
    const pages = element("span", { class: "ap-segment", role: "group", "aria-label": "Graph of" }, this.buttons.agents, this.buttons.turns);
    this.root = element(
      "div",
      { class: "ap-graphs" },
      element("div", { class: "ap-graph-bar" }, pages, this.agents.legend, this.turns.legend),
      this.agents.root,
      this.turns.root,
    );
    this.buttons.agents.addEventListener("click", this.showAgents);
    this.buttons.turns.addEventListener("click", this.showTurns);
    this.show("agents");
  }

  update(model: Model, cast: Cast): void {
    this.latest = { model, cast };
    if (this.page === "agents") this.agents.update(model, cast);
    else this.turns.update(model, cast);
  }

  readonly select = (selected: Selected | null): void => {
    this.turns.select(selected);
    const model = this.latest?.model;
    const turn = selected === null ? undefined : model?.turns.get(selected.turn);
    if (turn === undefined || model === undefined) return this.agents.choose(null);
    const read = selected?.source == null ? new Set(turn.causes) : new Set([model.turns.get(selected.source)?.start]);
    const sources = new Set([...model.turns.values()].filter(({ start }) => read.has(start)).map(({ agent }) => agent));
    this.agents.choose({ agent: turn.agent, sources });
  };

  close(): void {
    this.buttons.agents.removeEventListener("click", this.showAgents);
    this.buttons.turns.removeEventListener("click", this.showTurns);
    this.agents.close();
    this.turns.close();
  }

  /** An agent stands for its latest turn, and an edge for the latest turn by which it read another's, with what it read. */
  private pick(agent: string, source: string | null): void {
    // A canvas does not take the focus, and without it Escape would not be heard.
    this.root.closest<HTMLElement>(".agentpool-widget")?.focus({ preventScroll: true });
    const { model, cast } = this.latest ?? {};
    const own = [...(cast?.get(agent)?.turns ?? [])].reverse();
    if (source === null) {
      const [last] = own;
      if (last !== undefined) this.selection.select(last);
      return;
    }
    const others = [...(cast?.get(source)?.turns ?? [])].reverse();
    for (const id of own) {
      const causes = model?.turns.get(id)?.causes ?? [];
      const read = others.find((other) => causes.includes(model?.turns.get(other)?.start ?? -1));
      if (read !== undefined) return this.selection.select(id, read);
    }
  }

  private readonly showAgents = (): void => this.show("agents");
  private readonly showTurns = (): void => this.show("turns");

  private show(page: Page): void {
    this.page = page;
    for (const [name, part] of [["agents", this.agents], ["turns", this.turns]] as const) {
      part.root.hidden = part.legend.hidden = name !== page;
      setAttribute(this.buttons[name], "aria-pressed", String(name === page));
    }
    if (this.latest !== null) this.update(this.latest.model, this.latest.cast);
    if (page === "turns") this.turns.select(this.selection.current);
  }
}
