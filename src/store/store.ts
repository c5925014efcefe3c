/** Holds one state and tells who listens when it has become another one. */
export type Store<State, Action> = {
  get(): State;
  dispatch(action: Action): void;
  /** Several at once: listeners hear of the last state only. */
  dispatchAll(actions: readonly Action[]): void;
  subscribe(listener: () => void): () => void;
};

/** `reduce` is pure and gives the same object back where nothing changed, which then tells nobody. */
export function createStore<State, Action>(
  reduce: (state: State, action: Action) => State,
  initial: State,
): Store<State, Action> {
  let state = initial;
  const listeners = new Set<() => void>();
  const become = (next: State) => {
    if (next === state) return;
    state = next;
    for (const listener of listeners) listener();
  };
  return {
    get: () => state,
    dispatch: (action) => become(reduce(state, action)),
    dispatchAll: (actions) => become(actions.reduce(reduce, state)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
