/** Which teams run in the kernels of all notebooks that are open in this page. */

import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { type ISignal, Signal } from "@lumino/signaling";

import { Link } from "./link";
import type { RunRow } from "./wire";

/** A run, and the line by which it is stopped. */
export interface HeldRun {
  link: Link;
  run: RunRow;
}

export class Kernels {
  private readonly links = new Map<Link, readonly RunRow[]>();
  private readonly changes = new Signal<this, void>(this);

  constructor(notebooks: INotebookTracker) {
    notebooks.forEach((notebook) => this.follow(notebook));
    notebooks.widgetAdded.connect((_, notebook) => this.follow(notebook));
  }

  get changed(): ISignal<this, void> {
    return this.changes;
  }

  /** Notebooks may share a kernel: a run is there once. */
  get runs(): readonly HeldRun[] {
    const found = new Map<string, HeldRun>();
    for (const [link, runs] of this.links) for (const run of runs) found.set(run.id, { link, run });
    return [...found.values()];
  }

  private follow(notebook: NotebookPanel): void {
    const link = new Link({ notebook });
    const take = (runs: readonly RunRow[]): void => {
      this.links.set(link, runs);
      this.changes.emit();
    };
    take([]);
    link.watch(this, { running: true });
    link.message.connect((_, message) => message.kind === "running" && take(message.runs));
    link.changed.connect(() => link.state !== "open" && take([]));
    notebook.disposed.connect(() => {
      link.dispose();
      this.links.delete(link);
      this.changes.emit();
    });
  }
}
