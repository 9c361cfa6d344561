// The head of the widget: the task, how it goes, what it has cost, and the button that stops it.

import { element, setAttribute, setText } from "./dom";
import { bounded, clock, count, dollars, exact, taken } from "./format";
import { readingText, readingTitle } from "./reading";
import { isLive, type Scene } from "./session";
import { missing } from "./store";
import { allUnderWay } from "./speaking";
import type { RunView } from "./wire";

/** What the head's buttons do. */
export interface HeaderActions {
  /** Returns false if the kernel certainly did not get it. */
  stop(): boolean;
}

export class Header {
  readonly root: HTMLElement;
  private readonly status = element("span", { class: "ap-chip ap-status", role: "status", "aria-live": "polite", "data-testid": "status" });
  private readonly task = element("div", { class: "ap-task" });
  private readonly stop = element("button", { type: "button", class: "ap-stop", "data-testid": "stop" }, "Stop");
  private readonly clock = element("span", { class: "ap-clock", title: "Elapsed time" });
  private readonly tokens = element("span", { class: "ap-tokens" });
  private readonly fill = element("span", { class: "ap-bar-fill" });
  private readonly bar = element("span", { class: "ap-bar", role: "progressbar", "aria-label": "Tokens of the budget", hidden: "" }, this.fill);
  private readonly cost = element("span", { class: "ap-cost", title: "Cost in US dollars", hidden: "" });
  private readonly read = element("span", { class: "ap-read", "data-testid": "reading", hidden: "" });
  private readonly place = element("span", { class: "ap-place", title: "Pool and branch" });
  private readonly link = element("div", { class: "ap-link", role: "status", hidden: "" });
  private readonly problem = element("div", { class: "ap-problem", role: "alert", hidden: "" });
  private scene: Scene | null = null;
  private ticking: ReturnType<typeof setInterval> | null = null;
  /** The button was pressed and the kernel has not said so yet. */
  private stopping = false;

  /** `say` is the line to the team, `switches` and `tools` are the view's own: they have their places beside the figures. */
  constructor(private readonly actions: HeaderActions, say: HTMLElement, switches: HTMLElement, tools: HTMLElement) {
    this.stop.addEventListener("click", this.pressed);
    this.root = element(
      "div",
      { class: "ap-header" },
      element("div", { class: "ap-headline" }, this.status, this.task, this.stop),
      element(
        "div",
        { class: "ap-figures" },
        this.clock,
        element("span", { class: "ap-budget" }, this.bar, this.tokens),
        this.cost,
        this.place,
      ),
      say,
      element("div", { class: "ap-switches" }, switches),
      element("div", { class: "ap-tools" }, tools, this.read),
      this.problem,
      this.link,
    );
  }

  update(scene: Scene): void {
    this.scene = scene;
    setText(this.problem, scene.problem);
    setAttribute(this.problem, "hidden", scene.problem === "" ? "" : null);
    if (scene.problem !== "") this.stopping = false;
    const connected = scene.link === "live" || scene.link === "waiting";
    const live = scene.model !== null && isLive(scene.model);
    const note = connected ? "" : linkNote(scene);
    setText(this.link, note);
    setAttribute(this.link, "hidden", note === "" ? "" : null);
    if (scene.model === null) {
      // A team that has not said a word yet can be stopped all the same.
      const status = connected ? (this.stopping ? "stopping" : "starting") : "lost";
      setAttribute(this.root, "data-status", status);
      setText(this.status, connected ? "connecting…" : "not connected");
      this.stoppable(connected, status);
      return;
    }
    const { run } = scene.model;
    if (run.status !== "running" && run.status !== "starting") this.stopping = false;
    const status = this.stopping ? "stopping" : run.status;
    setAttribute(this.root, "data-status", !connected && live ? "lost" : status);
    setText(this.status, !connected && live ? "unknown" : statusText(status, run));
    setText(this.task, run.task);
    setAttribute(this.task, "title", run.task);
    this.stoppable(live && connected, status);
    this.figures(run, allUnderWay(scene.model));
    this.tick(live && connected);
  }

  close(): void {
    this.stop.removeEventListener("click", this.pressed);
    this.tick(false);
  }

  /** The button keeps its place when it goes. */
  private stoppable(can: boolean, status: string): void {
    setAttribute(this.stop, "data-gone", can ? null : "");
    this.stop.disabled = status === "stopping" || !can;
    setText(this.stop, status === "stopping" ? "stopping…" : "Stop");
  }

  private figures(run: RunView, speaking: number): void {
    const limit = run.tokens_max;
    const tokens = taken(run.tokens, speaking, run);
    setText(this.tokens, limit === null ? `${tokens} tokens` : `${tokens} of ${count(limit)} tokens`);
    setAttribute(this.tokens, "title", `${bounded(exact(run.tokens), run)} tokens`);
    setAttribute(this.bar, "hidden", limit === null ? "" : null);
    if (limit !== null) {
      const share = limit > 0 ? Math.min(1, run.tokens / limit) : 1;
      this.fill.style.width = `${(100 * share).toFixed(1)}%`;
      setAttribute(this.bar, "data-level", share >= 0.9 ? "high" : "normal");
      setAttribute(this.bar, "aria-valuenow", String(run.tokens));
      setAttribute(this.bar, "aria-valuemax", String(limit));
    }
    const read = readingText(run.reading);
    setText(this.read, read);
    setAttribute(this.read, "title", readingTitle(run.reading));
    setAttribute(this.read, "hidden", read === "" ? "" : null);
    setText(this.cost, run.cost === null ? "" : bounded(dollars(run.cost), run));
    setAttribute(this.cost, "hidden", run.cost === null ? "" : null);
    setText(this.place, run.branch === "main" ? run.pool : `${run.pool} @ ${run.branch}`);
    this.elapse();
  }

  private readonly elapse = (): void => {
    const run = this.scene?.model?.run;
    if (run === undefined || run.started === 0) return;
    // Without a kernel nobody knows how long it went on: the clock stands where it stood.
    if (run.finished === null && this.scene?.link !== "live") return;
    setText(this.clock, clock((run.finished ?? Date.now()) - run.started));
  };

  private tick(on: boolean): void {
    if (on) this.ticking ??= setInterval(this.elapse, 1000);
    else if (this.ticking !== null) {
      clearInterval(this.ticking);
      this.ticking = null;
    }
  }

  private readonly pressed = (): void => {
    // Said before the kernel answers: a person who presses stop wants to know that it was heard.
    this.stopping = this.actions.stop();
    if (this.scene !== null) this.update(this.scene);
  };
}

function statusText(status: string, run: RunView): string {
  if (status === "stopping") return "stopping…";
  return run.reason === "" || run.reason === status ? status : `${status}: ${run.reason}`;
}

function linkNote(scene: Scene): string {
  if (scene.link === "lost") {
    const again = scene.model === null ? "" : `; if it was restarted, %agents attach ${scene.model.run.pool} shows how things stand`;
    return `Connection lost: this is what had arrived. It goes on by itself if the kernel comes back${again}.`;
  }
  if (scene.model === null) return "Kernel not connected, and nothing was saved here to show. Run the cell again.";
  const left = missing(scene.model);
  const without = left === 0 ? "" : ` Without ${exact(left)} earlier turn${left === 1 ? "" : "s"}: %pool ${scene.model.run.pool} shows all.`;
  return `Kernel not connected: this is what was last saved.${without}`;
}
