/** What the extension adds to JupyterLab; each plugin works without the others. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker } from "@jupyterlab/notebook";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "agentpool-jupyter:plugin",
  description: "Pools, runs and what waits for a person, beside the notebook.",
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker) => {
    console.log("agentpool", tracker);
  },
};

export default [plugin];
