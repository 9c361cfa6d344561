/**
 * Puts the result into the notebook in front where that holds a picture from the midst of a run.
 *
 * What a kernel sends later for an output reaches a page only while that page has the cell's request open: not after it
 * was reloaded, nor in one that was opened afterwards. Such a picture says which run it is of (`live/widget.py`), and the
 * kernel is asked how that stands. Only in cells that are trusted: a notebook of others does not choose what is read here.
 */

import type { CodeCellModel } from "@jupyterlab/cells";
import type { INotebookTracker } from "@jupyterlab/notebook";

import type { Link } from "./link";

const PAUSE = 5000; // milliseconds between two looks at a run that goes on

export interface Unfinished {
  mark: string;
  pool: string;
  run: string;
}

export class Results {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;

  constructor(
    private readonly link: Link,
    private readonly notebooks: INotebookTracker,
  ) {
    link.message.connect((_, { kind }) => {
      if (kind === "running") void this.mend(); // also when the page is seen again
    });
  }

  /** Mends what can be mended now, and looks again while a run goes on. */
  async mend(): Promise<void> {
    if (this.busy || this.link.state !== "open" || document.hidden) return;
    this.busy = true;
    clearTimeout(this.timer);
    let more = false;
    try {
      for (const cell of this.cells()) {
        for (const picture of unfinishedIn(cell)) more = !(await this.mendOne(cell, picture)) || more;
      }
    } finally {
      this.busy = false;
    }
    if (more) this.timer = setTimeout(() => void this.mend(), PAUSE);
  }

  private cells(): CodeCellModel[] {
    const cells = this.notebooks.currentWidget?.content.model?.cells ?? [];
    return [...cells].filter((cell) => cell.type === "code" && cell.trusted) as CodeCellModel[];
  }

  /** Returns whether nothing more will come. */
  private async mendOne(cell: CodeCellModel, picture: Unfinished): Promise<boolean> {
    const now = await this.link.ask({ kind: "picture", ...picture });
    if (now.kind !== "pictured") return true; // of a pool that is not here
    const { outputs } = cell;
    for (let index = 0; !cell.isDisposed && index < outputs.length; index++) {
      const output = outputs.get(index).toJSON();
      const data = output["data"] as Record<string, unknown> | undefined;
      const html = text(data?.["text/html"]);
      if (unfinished(html)?.mark !== picture.mark || html === now.html) continue;
      outputs.set(index, { ...output, data: { ...data, "text/html": now.html, "text/plain": now.text } } as never);
    }
    return now.ended;
  }
}

function unfinishedIn(cell: CodeCellModel): Unfinished[] {
  const found: Unfinished[] = [];
  for (let index = 0; index < cell.outputs.length; index++) {
    const picture = unfinished(text(cell.outputs.get(index).data["text/html"]));
    if (picture) found.push(picture);
  }
  return found;
}

/** Which run a picture is of that was made before its end; null for all other HTML. */
export function unfinished(html: string): Unfinished | null {
  const tag = /<div class="agentpool-run-[0-9a-f]{12}" data-pool="[^"]*" data-run="[^"]*">/.exec(html);
  if (!tag) return null;
  const { className, dataset } = new DOMParser().parseFromString(tag[0], "text/html").body.firstElementChild as HTMLElement;
  return { mark: className, pool: dataset["pool"] ?? "", run: dataset["run"] ?? "" };
}

/** A text of a notebook, which may be stored in lines. */
function text(value: unknown): string {
  return Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
}
