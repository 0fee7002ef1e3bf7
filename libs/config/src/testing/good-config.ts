/** A good configuration, which each row of the tables of faults breaks in one place. */
export const GOOD = `
version: 1
singleNode: true
environment: dev
sources:
  - name: shop
    webhook: { verify: { scheme: none } }
    event: { id: /id, type: /type, entity: /order, revision: /version }
destinations:
  - name: partner
    http: { url: "http://127.0.0.1:8090/{entity}" }
    unknown: { resolve: idempotency-key }
routes:
  - { to: partner }
`;

/** The good configuration with one line changed. */
export const having = (from: string, to: string): string => {
  if (!GOOD.includes(from)) throw new RangeError(from);
  return GOOD.replace(from, to);
};
export const source = (rest: string): string =>
  having('webhook: { verify: { scheme: none } }\n    event: { id: /id, type: /type, entity: /order, revision: /version }', rest);
export const destination = (rest: string): string => having('unknown: { resolve: idempotency-key }', rest);

/** `text` marks the fault's place with ⟨here⟩; the rest is what must be said of it. */
export type Row = readonly [name: string, text: string, path: string, problem: string, mend: string];
