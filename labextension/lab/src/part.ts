/** A part of a run's picture beside its notebook: its timeline, or its graph, as large as one likes. */

import { MainAreaWidget } from "@jupyterlab/apputils";
import type { CodeCell } from "@jupyterlab/cells";
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { Panel } from "@lumino/widgets";

import { agentsIcon } from "./icon";

export type Part = "timeline" | "graph";

const TITLES: Record<Part, string> = { timeline: "Timeline", graph: "Graph" };

/** Jupyter does not say when a notebook's widgets can be drawn: it is tried every so often, for a minute. */
const RETRY_MS = 1000;
const TRIES = 60;

/** What a widget's output is saved as. */
const WIDGET = "application/vnd.jupyter.widget-view+json";

/** The cell whose run is looked at: the one in front, else the one that ran last; null where none shows a run. */
export function cellOfRun(notebook: NotebookPanel): CodeCell | null {
  const shows = notebook.content.widgets.filter((cell): cell is CodeCell => cell.model.type === "code" && showsRun(cell as CodeCell));
  const active = shows.find((cell) => cell === notebook.content.activeCell);
  // A cell that runs has no number yet, and ran last.
  const order = (cell: CodeCell): number => cell.model.executionCount ?? Infinity;
  return active ?? shows.sort((a, b) => order(a) - order(b)).pop() ?? null;
}

function showsRun(cell: CodeCell): boolean {
  const { outputs, sharedModel } = cell.model;
  const widgets = Array.from({ length: outputs.length }, (_, index) => outputs.get(index)).some((output) => WIDGET in output.data);
  return widgets && /^\s*%%?agents/m.test(sharedModel.getSource());
}

/** A second view of a cell's output, of which the style sheet shows one part. */
export class PartView extends Panel {
  constructor(
    readonly path: string,
    readonly cell: string,
    readonly part: Part,
  ) {
    super();
    this.addClass("ap-lab-part");
    this.node.dataset["part"] = part;
  }

  /** Draws it once its notebook is there; of a page that is opened again the widgets come later than the cells. */
  async draw(notebook: NotebookPanel): Promise<void> {
    await notebook.context.ready;
    const cell = notebook.content.widgets.find((one) => one.model.id === this.cell);
    if (!cell || cell.model.type !== "code") return;
    cell.disposed.connect(() => this.dispose());
    for (let tries = 0; tries < TRIES && !this.isDisposed && !this.node.querySelector(".agentpool-widget"); tries++) {
      for (const old of [...this.widgets]) old.dispose();
      this.addWidget((cell as CodeCell).cloneOutputArea());
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

export function partWidget(notebooks: INotebookTracker, path: string, cell: string, part: Part): MainAreaWidget<PartView> {
  const content = new PartView(path, cell, part);
  const widget = new MainAreaWidget({ content });
  widget.id = `agentpool-${part}-${cell}-${path}`;
  widget.title.label = TITLES[part];
  widget.title.icon = agentsIcon;
  widget.title.caption = `${TITLES[part]} of the team in ${path}`;
  widget.title.closable = true;
  content.disposed.connect(() => widget.dispose());
  const find = (): NotebookPanel | undefined => notebooks.find((panel) => panel.context.path === path);
  const notebook = find();
  if (notebook) void content.draw(notebook);
  else {
    const added = (): void => {
      const late = find();
      if (!late) return;
      notebooks.widgetAdded.disconnect(added);
      void content.draw(late);
    };
    notebooks.widgetAdded.connect(added);
    content.disposed.connect(() => notebooks.widgetAdded.disconnect(added));
  }
  return widget;
}
