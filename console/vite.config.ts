import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** A cloud to develop against: `UNKAI_ORIGIN=http://127.0.0.1:8774 npm run dev`. */
const origin = process.env['UNKAI_ORIGIN'] ?? 'http://127.0.0.1:8774';
const apis = ['identity', 'compute', 'image', 'network', 'volume', 'placement', 'v2', 'zstack', 'unkai', 'openapi'];

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2023', chunkSizeWarningLimit: 900 },
  server: {
    proxy: {
      ...Object.fromEntries(apis.map((api) => [`/${api}`, { target: origin, changeOrigin: false }])),
      '/console/': { target: origin, ws: true },
    },
  },
});
