/** The side panel: what waits for a person, what runs, and the pools of the store of the kernel in front. */

import { checkIcon, closeIcon, deleteIcon, downloadIcon, type LabIcon, launchIcon, stopIcon, tagIcon } from "@jupyterlab/ui-components";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";

import { element, setText } from "../../src/dom";
import { bounded, count, dollars } from "../../src/format";
import type { Actions } from "./actions";
import { agentsIcon } from "./icon";
import { type Link, LOAD } from "./link";
import { type Row, Rows } from "./rows";
import type { Overview, PoolRow, RunRow, WaitingRow } from "./wire";

const STATES: Record<string, string> = {
  running: "running",
  waiting: "waits for you",
  lost: "its process died",
  finished: "done",
  stopped: "stopped",
  failed: "failed",
  said: "no team yet",
  empty: "empty",
  "": "…",
};
const ENDS: Record<string, string> = {
  running: "running",
  turns: "all turns were taken",
  quiescent: "nobody had more to say",
  reached: "its goal is reached",
  budget: "the budget is used up",
  timeout: "the time is up",
  stopped: "stopped",
  moved: "its line was left",
  failed: "failed",
  lost: "its process died",
  refused: "another team was first",
};
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
    private readonly actions: Actions,
  ) {
    super();
    this.id = "agentpool-panel";
    this.addClass("ap-lab-panel");
    this.title.icon = agentsIcon;
    this.title.caption = "Agents: pools, runs and what waits for you";
    this.waiting = new Rows(element("ul"), ({ pool, id }) => `${pool} ${id}`, (row) => this.waitingRow(row));
    this.runs = new Rows(element("ul"), ({ id }) => id, (row) => this.runRow(row));
    this.pools = new Rows(element("ul"), ({ name }) => name, (row) => this.poolRow(row));
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

  private waitingRow(row: WaitingRow): Row<WaitingRow> {
    const what = element("code");
    const warning = element("div", { class: "ap-lab-problem" });
    let shown = row;
    const why = element("div", { class: "ap-lab-detail" });
    const reason = element("input", { type: "text", placeholder: "Why (may be empty)", "aria-label": `Why, for ${row.what.join(", ")}` });
    const vote = async (accept: boolean): Promise<void> => {
      for (const button of buttons) button.disabled = true;
      await this.actions.do({ kind: "vote", pool: row.pool, seen: shown.seen, accept, text: reason.value });
      for (const button of buttons) button.disabled = false;
    };
    const buttons = [
      labelled("Approve", checkIcon, `Approve ${row.what.join(", ")}`, () => vote(true)),
      labelled("Reject", closeIcon, `Reject ${row.what.join(", ")}`, () => vote(false)),
    ];
    const node = element("li", { class: "ap-lab-waiting" }, what, why, warning, reason, element("div", { class: "ap-lab-buttons" }, ...buttons));
    return {
      node,
      update: (now) => {
        shown = now;
        setText(what, now.what.join("\n"));
        setText(warning, now.warning && `lets pass: ${now.warning}`);
        setText(why, [`${now.agents.join(", ")} in ${now.pool}`, now.why, now.until && `until ${now.until}`].filter(Boolean).join(" · "));
      },
    };
  }

  private runRow(row: RunRow): Row<RunRow> {
    const stop = icon(stopIcon, `Stop the team in ${row.pool}`, () => this.actions.stop([row]));
    const state = element("span", { class: "ap-lab-state" });
    const detail = element("div", { class: "ap-lab-detail" });
    const task = element("div", { class: "ap-lab-task" });
    const name = link(row.pool, `Show the document of ${row.pool}`, () => this.actions.open(row.pool));
    const head = element("div", { class: "ap-lab-head" }, name, state, element("div", { class: "ap-lab-actions ap-lab-always" }, stop));
    return {
      node: element("li", { class: "ap-lab-run" }, head, task, detail),
      update: (now) => {
        setText(state, ENDS[now.state] ?? now.state);
        state.dataset["state"] = now.state;
        setText(task, now.task);
        task.title = now.task;
        const where = now.here || now.state !== "running" ? "" : now.owner;
        setText(detail, [now.agents.join(", "), took(now), where].filter(Boolean).join(" · "));
        stop.hidden = now.state !== "running";
      },
    };
  }

  private poolRow({ name }: PoolRow): Row<PoolRow> {
    const state = element("span", { class: "ap-lab-state" });
    const detail = element("div", { class: "ap-lab-detail" });
    const title = link(name, `Show the document of ${name}`, () => this.actions.open(name));
    const actions = element(
      "div",
      { class: "ap-lab-actions" },
      icon(launchIcon, `Open ${name}`, () => this.actions.open(name)),
      icon(tagIcon, `Tag ${name}`, () => this.actions.tag(name)),
      icon(downloadIcon, `Export ${name}`, () => this.actions.export(name)),
      icon(deleteIcon, `Delete ${name}`, () => this.actions.delete(name)),
    );
    const node = element("li", { class: "ap-lab-pool", "data-pool": name }, element("div", { class: "ap-lab-head" }, title, state, actions), detail);
    return {
      node,
      update: (now) => {
        setText(state, STATES[now.state] ?? now.state);
        state.dataset["state"] = now.state;
        const parts = [took(now), now.size === null ? "" : bytes(now.size), now.events === null ? "" : `${count(now.events)} events`];
        setText(detail, parts.filter(Boolean).join(" · "));
        node.classList.toggle("ap-lab-current", now.current);
        title.title = now.current ? `${name}: the pool of cells that name none` : title.ariaLabel ?? "";
      },
    };
  }
}

/** What it cost, as far as that is known. */
export function took(row: { tokens: number | null; estimated: boolean; cost: number | null }): string {
  if (!row.tokens) return "";
  const tokens = `${bounded(count(row.tokens), row)} tokens`;
  return row.cost ? `${tokens} · ${bounded(dollars(row.cost), row)}` : tokens;
}

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 10 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}

function section(title: string, ...children: Node[]): HTMLElement {
  return element("section", {}, element("h3", {}, title), ...children);
}

function link(text: string, label: string, act: () => unknown): HTMLButtonElement {
  const button = element("button", { class: "ap-lab-link", "aria-label": label }, text);
  button.addEventListener("click", () => void act());
  return button;
}

function icon(which: LabIcon, label: string, act: () => unknown): HTMLButtonElement {
  const button = element("button", { class: "ap-lab-icon", title: label, "aria-label": label });
  which.element({ container: button, height: "16px", width: "16px" });
  button.addEventListener("click", () => void act());
  return button;
}

function labelled(text: string, which: LabIcon, label: string, act: () => unknown): HTMLButtonElement {
  const button = element("button", { class: "jp-mod-styled", title: label, "aria-label": label });
  const picture = element("span", { class: "ap-lab-icon" });
  which.element({ container: picture, height: "14px", width: "14px" });
  button.append(picture, text);
  button.addEventListener("click", () => void act());
  return button;
}
