/** One place that says which apps there are. `npm start` runs them in this order and ends them in the other. */
export interface AppEntry {
  name: string;
  /** Added to ADMIN_PORT_BASE (INTERFACES, Environment). */
  adminOffset: number;
  /** A port for the public, which is printed as `<name> URL` and must be free. */
  publicPort?: { variable: string; fallback: number };
}

export const apps: readonly AppEntry[] = [
  { name: 'ingest', adminOffset: 0, publicPort: { variable: 'INGEST_PORT', fallback: 8080 } },
  { name: 'dedupe', adminOffset: 1 },
  { name: 'deliver', adminOffset: 2 },
  { name: 'dlq-handler', adminOffset: 3 },
  { name: 'ledger', adminOffset: 4 },
  { name: 'console', adminOffset: 6, publicPort: { variable: 'CONSOLE_PORT', fallback: 8081 } },
];

export const adminPortBase = { variable: 'ADMIN_PORT_BASE', fallback: 9101 };
