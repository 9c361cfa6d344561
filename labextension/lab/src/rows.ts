/** Lists whose rows keep their elements: what is typed in one stays, and so does the focus. */

export interface Row<T> {
  node: HTMLElement;
  update(item: T): void;
}

export class Rows<T> {
  private readonly rows = new Map<string, Row<T>>();

  constructor(
    readonly node: HTMLElement,
    private readonly key: (item: T) => string,
    private readonly make: (item: T) => Row<T>,
  ) {}

  show(items: readonly T[]): void {
    const keys = new Set(items.map(this.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    let before: Element | null = this.node.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      let row = this.rows.get(key);
      if (!row) this.rows.set(key, (row = this.make(item)));
      row.update(item);
      if (row.node === before) before = before.nextElementSibling;
      else this.node.insertBefore(row.node, before);
    }
  }
}
