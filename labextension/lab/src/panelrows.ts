/** The panel's rows: what waits for a person, a run, a pool. */

import { checkIcon, closeIcon, deleteIcon, downloadIcon, type LabIcon, launchIcon, stopIcon, tagIcon } from "@jupyterlab/ui-components";

import { element, setText } from "../../src/dom";
import { count } from "../../src/format";
import type { Actions } from "./actions";
import { bytes, took } from "./numbers";
import type { Row } from "./rows";
import type { PoolRow, RunRow, WaitingRow } from "./wire";

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

export function waitingRow(row: WaitingRow, actions: Actions): Row<WaitingRow> {
  const what = element("code");
  const warning = element("div", { class: "ap-lab-problem" });
  let shown = row;
  const why = element("div", { class: "ap-lab-detail" });
  const reason = element("input", { type: "text", placeholder: "Why (may be empty)", "aria-label": `Why, for ${row.what.join(", ")}` });
  const vote = async (accept: boolean): Promise<void> => {
    for (const button of buttons) button.disabled = true;
    await actions.do({ kind: "vote", pool: row.pool, seen: shown.seen, accept, text: reason.value });
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

export function runRow(row: RunRow, actions: Actions): Row<RunRow> {
  const stop = icon(stopIcon, `Stop the team in ${row.pool}`, () => actions.do({ kind: "stop", pool: row.pool, run: row.id }));
  const state = element("span", { class: "ap-lab-state" });
  const detail = element("div", { class: "ap-lab-detail" });
  const task = element("div", { class: "ap-lab-task" });
  const name = link(row.pool, `Show the document of ${row.pool}`, () => actions.open(row.pool));
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

export function poolRow({ name }: PoolRow, actions: Actions): Row<PoolRow> {
  const state = element("span", { class: "ap-lab-state" });
  const detail = element("div", { class: "ap-lab-detail" });
  const title = link(name, `Show the document of ${name}`, () => actions.open(name));
  const buttons = element(
    "div",
    { class: "ap-lab-actions" },
    icon(launchIcon, `Open ${name}`, () => actions.open(name)),
    icon(tagIcon, `Tag ${name}`, () => actions.tag(name)),
    icon(downloadIcon, `Export ${name}`, () => actions.export(name)),
    icon(deleteIcon, `Delete ${name}`, () => actions.delete(name)),
  );
  const node = element("li", { class: "ap-lab-pool", "data-pool": name }, element("div", { class: "ap-lab-head" }, title, state, buttons), detail);
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
