/*
 * The container by which JupyterLab 4 loads a prebuilt extension: webpack's module federation, by hand. There are
 * two modules and three shared packages, so there is nothing that a bundler would have to bundle.
 */
(() => {
  const here = document.currentScript.src;
  // The same ?version, so that a browser keeps no mixture.
  const beside = file => new URL(file + new URL(here).search, here).href;
  let packages = {};

  /* JupyterLab's own copy of a package. Others may offer further versions; the one in use is loaded. */
  async function shared(name) {
    const versions = Object.values(packages[name] ?? {});
    const version = versions.find(version => version.loaded) ?? versions[0];
    if (!version) {
      throw new Error(`skykey-jupyterlab: this JupyterLab does not share ${name}`);
    }
    return (await version.get())();
  }

  const modules = {
    './extension': async () => {
      const { plugin } = await import(beside('status.js'));
      const [{ Widget }, { IStatusBar }, { ICommandPalette }, { ServerConnection }] = await Promise.all(
        ['@lumino/widgets', '@jupyterlab/statusbar', '@jupyterlab/apputils', '@jupyterlab/services'].map(shared)
      );
      const exported = { default: plugin({ Widget, IStatusBar, ICommandPalette, ServerConnection }) };
      Object.defineProperty(exported, '__esModule', { value: true });
      return () => exported;
    },
    './style': async () => {
      const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: beside('status.css') });
      document.head.append(link);
      return () => ({});
    }
  };

  (window._JUPYTERLAB ??= {})['skykey-jupyterlab'] = {
    init: scope => {
      packages = scope;
    },
    get: name => (modules[name] ? modules[name]() : Promise.reject(new Error(`there is no ${name} here`)))
  };
})();
