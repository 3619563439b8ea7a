import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The dashboard is files of its own alone: nothing in them is fetched from elsewhere, and no script is inline. */
export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["bandsox-source", "browser", "module", "import", "default"] },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // A data: address would need a wider policy than 'self'.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    manifest: true,
  },
  server: { proxy: { "/api": { target: "http://127.0.0.1:8000", ws: true } } },
});
