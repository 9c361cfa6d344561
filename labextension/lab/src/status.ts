/** The status bar's item: which teams run in this page's notebooks, and a button that stops them. Its width never changes. */

import { stopIcon } from "@jupyterlab/ui-components";
import { Widget } from "@lumino/widgets";

import { element, setText } from "../../src/dom";
import type { Actions } from "./actions";
import type { HeldRun, Kernels } from "./kernels";
import type { Link } from "./link";

export class StatusItem extends Widget {
  private readonly text = element("span", { class: "ap-lab-status-text" });
  private readonly button = element("button", { class: "ap-lab-icon" });
  private _pool = "";

  constructor(
    private readonly link: Link,
    private readonly kernels: Kernels,
    private readonly actions: Actions,
    private readonly showPanel: () => void,
  ) {
    super();
    this.addClass("ap-lab-status");
    stopIcon.element({ container: this.button, height: "14px", width: "14px" });
    this.text.addEventListener("click", () => this.showPanel());
    this.button.addEventListener("click", () => void this.stop());
    this.node.append(this.text, this.button);
    link.watch(this, { running: true });
    link.message.connect((_, message) => {
      if (message.kind === "running") this._pool = message.runs[0]?.pool ?? message.current;
    });
    link.changed.connect(() => {
      if (link.state !== "open") this._pool = "";
    });
    kernels.changed.connect(() => this.draw());
    this.draw();
  }

  /** The pool that is worked in in the notebook in front: one whose team runs, else the one that cells take which name none; or empty. */
  get pool(): string {
    return this._pool;
  }

  get runs(): readonly HeldRun[] {
    return this.kernels.runs;
  }

  /** The same, as it is now: the kernel looks around once a second. */
  async poolNow(): Promise<string> {
    const told = new Promise<void>((done) => {
      const hear = (_: Link, { kind }: { kind: string }): void => {
        if (kind !== "running") return;
        this.link.message.disconnect(hear);
        done();
      };
      this.link.message.connect(hear);
      setTimeout(() => {
        this.link.message.disconnect(hear);
        done();
      }, 1000);
    });
    this.link.lookAgain();
    await told;
    return this._pool;
  }

  async stop(): Promise<void> {
    await this.actions.stop(this.runs);
  }

  override dispose(): void {
    this.link.watch(this, null);
    super.dispose();
  }

  private draw(): void {
    const runs = this.runs.map(({ run }) => run);
    const [first] = runs;
    const text = !first ? "No team runs" : runs.length > 1 ? `${runs.length} teams run` : `${first.pool} runs`;
    setText(this.text, text);
    this.text.title = runs.map((run) => `${run.pool}: ${run.agents.join(", ")}`).join("\n") || "Teams of all notebooks that are open here; those of other processes are in the side panel";
    this.node.classList.toggle("ap-lab-idle", !first);
    this.button.style.visibility = first ? "visible" : "hidden";
    const label = runs.length > 1 ? "Stop all teams" : `Stop the team in ${first?.pool ?? ""}`;
    this.button.title = label;
    this.button.ariaLabel = label;
  }
}
