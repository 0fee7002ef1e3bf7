// How dependency-cruiser finds what `#libs/…` means: the source, where Node (package.json, imports) finds the compiled file.
const path = require('node:path');
module.exports = { resolve: { alias: { '#libs': path.resolve(__dirname, '../libs') }, extensionAlias: { '.js': ['.ts', '.js'] } } };
