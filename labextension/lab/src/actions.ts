/** What the panel's buttons, the status bar and the palette do; whatever cannot be taken back asks first. */

import { Dialog, InputDialog, Notification, showDialog } from "@jupyterlab/apputils";

import type { HeldRun } from "./kernels";
import type { Link } from "./link";
import type { Errand } from "./wire";

export class Actions {
  constructor(
    private readonly link: Link,
    readonly open: (pool: string) => void,
  ) {}

  /** Has it done, by the kernel in front if no other is named, and says what came of it. */
  async do(errand: Errand, link: Link = this.link): Promise<boolean> {
    const answer = await link.ask(errand);
    if (answer.kind !== "answer") return true;
    if (answer.failed) Notification.error(answer.text, { autoClose: 8000 });
    else Notification.success(answer.text, { autoClose: 3000 });
    return !answer.failed;
  }

  async tag(pool: string): Promise<void> {
    const { value } = await InputDialog.getText({ title: `Name the present position of ${pool}`, label: "Tag", okLabel: "Tag" });
    if (value) await this.do({ kind: "tag", pool, name: value });
  }

  async export(pool: string): Promise<void> {
    const { value } = await InputDialog.getText({
      title: `Export ${pool}`,
      label: "File, from the kernel's folder",
      text: `${pool}.jsonl.gz`,
      okLabel: "Export",
    });
    if (value) await this.do({ kind: "export", pool, file: value });
  }

  async delete(pool: string): Promise<void> {
    const { button } = await showDialog({
      title: `Delete pool ${pool}?`,
      body: "All that was said in it is removed for good. Export it first if it may be wanted again.",
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Delete" })],
      defaultButton: 0,
    });
    if (button.accept) await this.do({ kind: "delete", pool });
  }

  /** Stops runs; of several it asks. */
  async stop(runs: readonly HeldRun[]): Promise<void> {
    if (runs.length > 1) {
      const { button } = await showDialog({
        title: `Stop ${runs.length} teams?`,
        body: runs.map(({ run }) => run.pool).join(", "),
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Stop all" })],
      });
      if (!button.accept) return;
    }
    await Promise.all(runs.map(({ run, link }) => this.do({ kind: "stop", pool: run.pool, run: run.id }, link)));
  }
}
