/** Every circle of a directed graph, once each, as the path that closes it (strongly connected components). */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];

  function visit(node: string): void {
    const order = index.size;
    index.set(node, order);
    low.set(node, order);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? order, low.get(next) ?? order));
    }
    if (low.get(node) === order) collect(node);
  }

  function collect(node: string): void {
    const component = stack.splice(stack.indexOf(node));
    const selfImport = (graph.get(node) ?? []).includes(node);
    if (component.length > 1 || selfImport) cycles.push([...component, node]);
  }

  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return cycles;
}
