// Marks what a search found, without a change to the page's elements.

const NAME = "agentpool-found";
const MOST = 500;

/** Marks every place of a word in the turns that are shown; an empty word marks nothing. */
export class FoundMarks {
  private ranges: Range[] = [];

  show(root: Element, word: string): void {
    this.clear();
    const known = registry();
    if (word === "" || known === undefined) return;
    for (const place of root.querySelectorAll(".ap-turn-text")) {
      const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node !== null && this.ranges.length < MOST; node = walker.nextNode()) this.mark(node as Text, word);
    }
    const marks = known.get(NAME) ?? new Highlight();
    for (const range of this.ranges) marks.add(range);
    known.set(NAME, marks);
  }

  /** Takes away the marks of this view, and leaves those of others. */
  clear(): void {
    const marks = registry()?.get(NAME);
    for (const range of this.ranges) marks?.delete(range);
    this.ranges = [];
  }

  private mark(node: Text, word: string): void {
    const text = node.data.toLowerCase();
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, Math.min(at + word.length, node.length));
      this.ranges.push(range);
    }
  }
}

/** Older browsers have none: they show the turns, and no marks in them. */
function registry(): HighlightRegistry | undefined {
  return (globalThis as { CSS?: { highlights?: HighlightRegistry } }).CSS?.highlights;
}
