import { LabIcon } from "@jupyterlab/ui-components";

/** Three speakers over one log. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">
<circle cx="5" cy="6" r="3"/><circle cx="12" cy="6" r="3"/><circle cx="19" cy="6" r="3"/>
<path d="M4.2 10h1.6v5H4.2zM11.2 10h1.6v5h-1.6zM18.2 10h1.6v5h-1.6zM2 16h20v4H2z"/></g></svg>`;

/** For the launcher, which shows a picture by its address. */
export const agentsIconUrl = `data:image/svg+xml,${encodeURIComponent(SVG)}`;

export const agentsIcon = new LabIcon({ name: "agentpool-jupyter:agents", svgstr: SVG });
