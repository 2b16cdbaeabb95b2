// Lets the search work where a page is opened as a file: browsers start no worker from one, so the
// search's script runs in a hidden frame instead, which is given the three names a worker has.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const inside = (this.inside = frame.contentWindow)
      const load = (from) =>
        new Promise((done, failed) => {
          const script = inside.document.createElement("script")
          Object.assign(script, { src: from, onload: done, onerror: failed })
          inside.document.body.append(script)
        })
      inside.document.write("<!doctype html><body></body>")
      inside.document.close()
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
      inside.importScripts = (...all) => all.reduce((before, one) => before.then(() => load(one)), Promise.resolve())
      this.ready = load(address)
    }

    postMessage(data) {
      const told = new MessageEvent("message", { data: structuredClone(data) })
      this.ready.then(() => this.inside.dispatchEvent(told))
    }
  }
}
