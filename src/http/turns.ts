/** Work of the same name takes its turn in this process, in the order in which it came; what failed holds nobody up. */
export function takingTurns(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const own = (last.get(name) ?? Promise.resolve()).then(work);
    const ended = own.catch(() => undefined);
    last.set(name, ended);
    try {
      return await own;
    } finally {
      if (last.get(name) === ended) last.delete(name);
    }
  };
}
