/** What an editor gets that holds a cell of `%%agents`; all others are left as they are. */

import { type Diagnostic, linter } from "@codemirror/lint";
import { Compartment, EditorState, type Extension, Prec, StateEffect, type Text } from "@codemirror/state";
import { EditorView, hoverTooltip, ViewPlugin } from "@codemirror/view";

import { element } from "../../../src/dom";
import { cellLanguage } from "./language";
import { meaning, problems } from "./problems";
import { takes } from "./schema";
import { isTeam } from "./text";

const HEAD = 20_000; // characters that are looked at: no team's description is longer
const PAUSE = 300; // milliseconds without a key before errors are looked for

const compartment = new Compartment();
const again = StateEffect.define<null>();
const open = new Set<EditorView>();

/** Looks once more at all cells: there may be a kernel now that says more. */
export function checkAgain(): void {
  for (const view of open) view.dispatch({ effects: again.of(null) });
}

/** What the parser of the kernel in front says of a cell: a line from 1, 0 for the whole; null where all is well. */
export type Check = (text: string) => Promise<{ line: number; text: string } | null>;

const hover = hoverTooltip((view, place) => {
  const found = meaning(view.state.doc.toString(), place);
  if (!found?.schema.description) return null;
  const { from, to, key, schema } = found;
  return { pos: from, end: to, above: true, create: () => ({ dom: tip(key, schema.description ?? "", `takes ${takes(schema)}`, schema.examples) }) };
});

/** What the schema says is wrong; where it finds nothing, what the kernel does, which knows more. */
async function wrong(doc: Text, check: Check): Promise<Diagnostic[]> {
  const found = problems(doc.toString());
  if (found.length === 0) {
    const told = await check(doc.toString());
    if (told) {
      const line = doc.line(Math.min(told.line || 1, doc.lines));
      found.push({ from: line.from + line.text.search(/\S|$/), to: line.to, message: told.text });
    }
  }
  return found.map((one) => ({ ...one, severity: "error", source: "agents" }));
}

/** The extension for every editor: it looks whether the text is a team's, and gives help where it is. */
export function cellHelp(enabled: () => boolean, check: Check): Extension {
  const lint = linter((view) => wrong(view.state.doc, check), {
    delay: PAUSE,
    needsRefresh: ({ transactions }) => transactions.some(({ effects }) => effects.some((effect) => effect.is(again))),
  });
  const help: Extension = [Prec.highest(cellLanguage.extension), lint, hover];
  const wanted = (doc: Text): boolean => enabled() && doc.length < HEAD && isTeam(doc.toString());
  const has = (state: EditorState): boolean => compartment.get(state) === help;
  return [
    compartment.of([]),
    EditorState.transactionExtender.of((transaction) => {
      if (!transaction.docChanged) return null;
      const now = wanted(transaction.newDoc);
      return now === has(transaction.startState) ? null : { effects: compartment.reconfigure(now ? help : []) };
    }),
    // The text with which an editor begins comes by no transaction.
    ViewPlugin.define((view) => {
      open.add(view);
      queueMicrotask(() => {
        if (open.has(view) && wanted(view.state.doc) && !has(view.state)) view.dispatch({ effects: compartment.reconfigure(help) });
      });
      return { destroy: () => open.delete(view) };
    }),
    EditorView.baseTheme({
      ".cm-tooltip .ap-lab-tip": { padding: "4px 8px", maxWidth: "40em", fontFamily: "var(--jp-ui-font-family)", fontSize: "var(--jp-ui-font-size1)" },
      ".cm-tooltip .ap-lab-tip code": { fontFamily: "var(--jp-code-font-family)" },
      ".cm-tooltip.cm-tooltip-lint, .cm-tooltip.cm-tooltip-hover": {
        backgroundColor: "var(--jp-layout-color1)",
        color: "var(--jp-ui-font-color1)",
        border: "1px solid var(--jp-border-color1)",
        zIndex: "10000",
      },
    }),
  ];
}

function tip(key: string, about: string, what: string, examples: readonly string[] = []): HTMLElement {
  const parts: Node[] = [element("div", {}, element("strong", {}, key), ` ${what}`), element("div", {}, about)];
  for (const example of examples) parts.push(element("div", {}, element("code", {}, `${key}: ${example}`)));
  return element("div", { class: "ap-lab-tip" }, ...parts);
}
