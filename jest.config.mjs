const tiers = {
  unit: { testRegex: ['(?<!\\.(int|e2e|fault))\\.spec\\.js$'], testTimeout: 20_000 },
  int: { testRegex: ['\\.int\\.spec\\.js$'], testTimeout: 60_000 },
  e2e: { testRegex: ['\\.e2e\\.spec\\.js$'], testTimeout: 300_000 },
  faults: { testRegex: ['\\.fault\\.spec\\.js$'], testTimeout: 1_200_000 },
};

export default {
  rootDir: 'dist',
  roots: ['<rootDir>'],
  transform: {},
  ...tiers[process.env.HOLDFAST_TEST_TIER ?? 'unit'],
};
