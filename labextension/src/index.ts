// The live widget of agentpool-jupyter: an anywidget front end (https://anywidget.dev/en/afm/).
//
//   wire      what travels, checked (fields)  store     what a view knows, a pure reducer
//   session   talk with the kernel            cast      who appears, with palette's colours and shapes
//   header, tray, switches, say, lanes, document, graphs      the parts of the page; turns, turn and tail hold their text
//   graph     agents and what flowed (graphdata, graphstyle); turngraph: turns and who read whom (turngraphdata)
//   selection which turn is selected; picking: by a mouse and by keys
//   card      all about that turn (cardfacts); inquiry: what the kernel is asked about it, and cardwire: what it tells
//   speaking  how much is being said and is not counted yet
//   prose     a text that grows, as Markdown (markdown, code); copy has the buttons
//   timeline  when who spoke, and the way to how everything stood then
//   filter    what is looked at: search, and whose turns; found marks what was found
//   dock      keeps the head of a live run in sight
//   render    puts them together, once a frame
//   loader    what a widget has in place of all this: it finds it in the notebook, where it is once
//
// The kernel's side is `agentpool_jupyter/jupyter/live/wire.py` and `widget.py`. `npm test` checks types and runs the
// tests; `npm run build` writes `agentpool_jupyter/jupyter/live/static/`, as the package's build does (hatch_build.py).

import { render } from "./render";

export default { render };
