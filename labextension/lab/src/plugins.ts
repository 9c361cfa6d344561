/** What the extension adds to JupyterLab, and to Notebook 7 as far as that has the places. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, type MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import { EditorExtensionRegistry, IEditorExtensionRegistry } from "@jupyterlab/codemirror";
import { ICompletionProviderManager } from "@jupyterlab/completer";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStatusBar } from "@jupyterlab/statusbar";
import { Token } from "@lumino/coreutils";
import type { Widget } from "@lumino/widgets";

import { Actions } from "./actions";
import { CellCompleter, quieten } from "./cell/completer";
import { cellHelp, checkAgain } from "./cell/extension";
import { type DocumentView, documentWidget } from "./document";
import { agentsIcon, agentsIconUrl } from "./icon";
import { Kernels } from "./kernels";
import { Link } from "./link";
import { AgentsPanel } from "./panel";
import { cellOfRun, type Part, type PartView, partWidget } from "./part";
import { Results } from "./results";
import { StatusItem } from "./status";
import style from "./style.css";
import { template } from "./template";

const ID = "agentpool-jupyter:plugin";
const CATEGORY = "Agents";

/** How a document is put beside the notebook: as the settings name it. */
type Side = "split-right" | "split-bottom" | "tab-after";

/** The line to the kernel in front, which the plugins share. */
const ILink = new Token<Link>("agentpool-jupyter:ILink");

const beside: JupyterFrontEndPlugin<Link> = {
  id: ID,
  provides: ILink,
  description: "Pools, runs and what waits for a person, beside the notebook.",
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry],
  optional: [ILayoutRestorer, ICommandPalette, IStatusBar, ILauncher, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    launcher: ILauncher | null,
    registry: ISettingRegistry | null,
  ) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
    const link = new Link({ tracker: notebooks });
    const { commands } = app;
    const settings = { side: "split-right" as Side, statusBar: true };
    const tracker = new WidgetTracker<MainAreaWidget<DocumentView>>({ namespace: "agentpool" });
    const parts = new WidgetTracker<MainAreaWidget<PartView>>({ namespace: "agentpool-parts" });
    new Results(link, notebooks);
    const actions = new Actions(link, (pool) => void commands.execute("agentpool:open", { pool }));

    const kernels = new Kernels(notebooks);
    const panel = new AgentsPanel(link, actions);
    app.shell.add(panel, "left", { rank: 650 });
    restorer?.add(panel, panel.id);
    const showPanel = (): void => app.shell.activateById(panel.id);

    const status = new StatusItem(link, kernels, actions, showPanel);
    statusBar?.registerStatusItem("agentpool-jupyter:running", { item: status, align: "right", rank: 5, isActive: () => settings.statusBar });

    commands.addCommand("agentpool:show", { label: "Show Pools and Runs", icon: agentsIcon, execute: showPanel });
    commands.addCommand("agentpool:open", {
      label: (args) => (args["pool"] ? `Open Pool ${String(args["pool"])}` : "Open Pool"),
      execute: (args) => {
        const pool = String(args["pool"]);
        let widget = tracker.find((one) => one.content.pool === pool);
        if (!widget) {
          widget = documentWidget(link, rendermime, pool);
          void tracker.add(widget);
        }
        const notebook = notebooks.currentWidget;
        if (!widget.isAttached) app.shell.add(widget, "main", notebook ? { mode: settings.side, ref: notebook.id, activate: false } : {});
        else app.shell.activateById(widget.id);
        return widget;
      },
    });
    commands.addCommand("agentpool:part", {
      label: (args) => `Show the ${String(args["part"])} of a Team`,
      execute: (args) => {
        const [path, cell, part] = [String(args["path"]), String(args["cell"]), args["part"] as Part];
        let widget = parts.find(({ content: one }) => one.path === path && one.cell === cell && one.part === part);
        if (!widget) {
          widget = partWidget(notebooks, path, cell, part);
          void parts.add(widget);
        }
        if (!widget.isAttached) app.shell.add(widget, "main", { mode: "split-bottom", ref: String(args["below"] ?? ""), activate: false });
        return widget;
      },
    });
    commands.addCommand("agentpool:side-by-side", {
      label: "Notebook, Document, Timeline and Graph Side by Side",
      isEnabled: () => notebooks.currentWidget !== null && status.pool !== "",
      execute: async () => {
        const notebook = notebooks.currentWidget;
        const cell = notebook && cellOfRun(notebook);
        const below = (await commands.execute("agentpool:open", { pool: await status.poolNow() })) as Widget;
        if (!notebook || !cell) return; // no team was seen at work here: its document is all there is
        const of = { path: notebook.context.path, cell: cell.model.id };
        const timeline = (await commands.execute("agentpool:part", { ...of, part: "timeline", below: below.id })) as Widget;
        await commands.execute("agentpool:part", { ...of, part: "graph", below: timeline.id });
      },
    });
    commands.addCommand("agentpool:stop", {
      label: "Stop Running Teams",
      isEnabled: () => status.runs.length > 0,
      execute: () => status.stop(),
    });
    commands.addCommand("agentpool:new-notebook", {
      label: (args) => (args["isPalette"] ? "New Notebook with a Team" : "Team of Agents"),
      caption: "A notebook with a first team, ready to run",
      icon: agentsIcon,
      execute: async (args) => {
        const { contents } = app.serviceManager;
        const { path } = await contents.newUntitled({ type: "notebook", path: String(args["cwd"] ?? "") });
        await contents.save(path, { type: "notebook", format: "json", content: template() });
        return commands.execute("docmanager:open", { path, factory: "Notebook", kernel: { name: "python3" } });
      },
    });
    for (const command of ["agentpool:show", "agentpool:side-by-side", "agentpool:stop", "agentpool:new-notebook"]) {
      palette?.addItem({ command, category: CATEGORY, args: { isPalette: true } });
    }
    launcher?.add({ command: "agentpool:new-notebook", category: "Notebook", rank: 10, kernelIconUrl: agentsIconUrl });
    if (restorer) {
      void restorer.restore(tracker, {
        command: "agentpool:open",
        args: (widget) => ({ pool: widget.content.pool }),
        name: (widget) => widget.content.pool,
      });
      void restorer.restore(parts, {
        command: "agentpool:part",
        args: ({ content: { path, cell, part } }) => ({ path, cell, part }),
        name: ({ content: { path, cell, part } }) => `${path}:${cell}:${part}`,
        when: notebooks.restored,
      });
    }
    link.message.connect((_, { kind }) => kind === "running" && commands.notifyCommandChanged());
    kernels.changed.connect(() => commands.notifyCommandChanged());

    void registry?.load(ID).then((loaded) => {
      const read = (): void => {
        settings.side = loaded.get("documentSide").composite as Side;
        settings.statusBar = loaded.get("statusBar").composite as boolean;
        status.setHidden(!settings.statusBar);
      };
      loaded.changed.connect(read);
      read();
    });
    return link;
  },
};

const cells: JupyterFrontEndPlugin<void> = {
  id: "agentpool-jupyter:cells",
  description: "Colours, completion, what a key means, and errors in cells of %%agents.",
  autoStart: true,
  requires: [ILink, IEditorExtensionRegistry],
  optional: [ICompletionProviderManager, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    link: Link,
    editors: IEditorExtensionRegistry,
    completers: ICompletionProviderManager | null,
    registry: ISettingRegistry | null,
  ) => {
    let wanted = true;
    const enabled = (): boolean => wanted;
    const check = async (text: string): Promise<{ line: number; text: string } | null> => {
      if (link.state !== "open") return null;
      const answer = await link.ask({ kind: "check", text });
      return answer.kind === "checked" && answer.text ? answer : null;
    };
    let was = link.state;
    link.changed.connect(() => {
      if (link.state === "open" && was !== "open") checkAgain();
      was = link.state;
    });
    editors.addExtension({
      name: "agentpool-jupyter:cell",
      factory: () => EditorExtensionRegistry.createImmutableExtension(cellHelp(enabled, check)),
    });
    if (completers) {
      completers.registerProvider(new CellCompleter(link, enabled));
      void app.restored.then(() => quieten(completers, enabled));
    }
    void registry?.load(ID).then((loaded) => {
      const read = (): void => {
        wanted = loaded.get("cellHelp").composite as boolean;
      };
      loaded.changed.connect(read);
      read();
    });
  },
};

export default [beside, cells];
