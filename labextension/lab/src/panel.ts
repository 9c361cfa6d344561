/** The side panel: what waits for a person, what runs, and the pools of the store of the kernel in front. */

import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";

import { element, setText } from "../../src/dom";
import type { Actions } from "./actions";
import { agentsIcon } from "./icon";
import { type Link, LOAD } from "./link";
import { poolRow, runRow, waitingRow } from "./panelrows";
import { Rows } from "./rows";
import type { Overview, PoolRow, RunRow, WaitingRow } from "./wire";

const FILTER_FROM = 8; // pools from which on there is a line to find one in

export class AgentsPanel extends Widget {
  private readonly notice = element("div", { class: "ap-lab-notice", role: "status" });
  private readonly body = element("div", { class: "ap-lab-body" });
  private readonly filter = element("input", { type: "search", placeholder: "Find a pool", "aria-label": "Find a pool" });
  private readonly store = element("div", { class: "ap-lab-store" });
  private readonly waiting: Rows<WaitingRow>;
  private readonly runs: Rows<RunRow>;
  private readonly pools: Rows<PoolRow>;
  private overview: Overview | null = null;
  private problem = "";

  constructor(
    private readonly link: Link,
    actions: Actions,
  ) {
    super();
    this.id = "agentpool-panel";
    this.addClass("ap-lab-panel");
    this.title.icon = agentsIcon;
    this.title.caption = "Agents: pools, runs and what waits for you";
    this.waiting = new Rows(element("ul"), ({ pool, id }) => `${pool} ${id}`, (row) => waitingRow(row, actions));
    this.runs = new Rows(element("ul"), ({ id }) => id, (row) => runRow(row, actions));
    this.pools = new Rows(element("ul"), ({ name }) => name, (row) => poolRow(row, actions));
    this.filter.addEventListener("input", () => this.draw());
    this.body.append(
      section("Waiting for you", this.waiting.node),
      section("Runs", this.runs.node),
      section("Pools", this.filter, this.pools.node, this.store),
    );
    this.node.append(element("h2", {}, "Agents"), this.notice, this.body);
    link.changed.connect(() => this.draw());
    link.message.connect((_, message) => {
      if (message.kind !== "overview") return;
      this.overview = message;
      this.draw();
    });
    this.draw();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.link.watch(this, { pools: true });
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) this.link.watch(this, { pools: true });
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.link.watch(this, null);
  }

  protected override onBeforeDetach(message: Message): void {
    this.link.watch(this, null);
    super.onBeforeDetach(message);
  }

  private draw(): void {
    const open = this.link.state === "open";
    if (!open) this.overview = null;
    this.drawNotice();
    this.body.hidden = !this.overview || this.overview.problem !== "";
    if (!this.overview) return;
    const { waiting, runs, pools, store } = this.overview;
    const word = this.filter.value.trim().toLowerCase();
    this.waiting.show(waiting);
    this.runs.show(runs);
    this.pools.show(pools.filter((pool) => pool.name.toLowerCase().includes(word)));
    this.filter.hidden = pools.length < FILTER_FROM;
    setText(this.store, `in ${store}`);
    this.store.title = store;
    for (const { node } of [this.waiting, this.runs, this.pools]) {
      const list = node.parentElement as HTMLElement;
      list.classList.toggle("ap-lab-none", !node.firstElementChild);
    }
  }

  private drawNotice(): void {
    const { state, name } = this.link;
    if (state !== "absent") this.problem = "";
    const problem = this.problem || this.overview?.problem || "";
    const texts: Record<string, string> = {
      "no notebook": "Open a notebook: its kernel says which pools there are.",
      "no kernel": `${name} has no kernel: start one to see its pools.`,
      foreign: `The kernel of ${name} is not one of Python: teams run in those.`,
      waiting: `Waiting for the kernel of ${name} …`,
      absent: `The kernel of ${name} has no agents yet: run ${LOAD} in it.`,
      open: this.overview ? name : `Reading the pools of ${name} …`,
    };
    const text = texts[state] ?? "";
    const key = `${state} ${text} ${problem}`;
    if (this.notice.dataset["key"] === key) return; // a screen reader says each change
    this.notice.dataset["key"] = key;
    this.notice.replaceChildren(text);
    if (problem) this.notice.append(element("p", { class: "ap-lab-problem" }, problem));
    if (state !== "absent") return;
    const button = element("button", { class: "jp-mod-styled jp-mod-accept" }, "Load agents");
    button.addEventListener("click", () => {
      button.disabled = true;
      void this.link.load().then((wrong) => {
        this.problem = wrong;
        button.disabled = false;
        this.draw();
      });
    });
    this.notice.append(button);
  }
}

function section(title: string, ...children: Node[]): HTMLElement {
  return element("section", {}, element("h3", {}, title), ...children);
}
