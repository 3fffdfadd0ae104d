/** A program of the agent's own, with the agent's own C library. */
export function throughLoader(libraries: string, program: string): string[] {
  return [`${libraries}/ld.so`, '--library-path', libraries, `${libraries}/${program}`];
}
