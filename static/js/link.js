// FlexpaLink: puts the consent pages into a frame of this page, and hands its public token to onSuccess.
(function () {
  "use strict";
  var base = "__BASE__";
  var origin = new URL(base).origin;
  var config = null;
  var frame = null;
  var error = null;

  function address(options) {
    var url = new URL("/link/open", base);
    var user = config.user || {};
    var asked = {
      publishableKey: config.publishableKey,
      openerOrigin: window.location.origin,
      externalId: user.externalId,
      usage: config.usage,
      endpoint: (options && options.endpoint) || config.endpoint,
      brandColor: config.brandColor,
    };
    Object.keys(asked).forEach(function (name) {
      if (asked[name]) url.searchParams.set(name, asked[name]);
    });
    return url.toString();
  }

  function listen(event) {
    if (!frame || event.origin !== origin || event.source !== frame.contentWindow) return;
    var told = event.data || {};
    if (told.type === "SUCCESS") {
      close();
      config.onSuccess(told.payload);
    } else if (told.type === "CLOSED") {
      close();
      if (config.onExit) config.onExit(error || undefined);
    } else if (told.type === "REJECTED" || told.type === "TIMEOUT" || told.type === "ERROR") {
      error = { type: told.type, message: told.payload };
    }
  }

  function create(wanted) {
    if (!wanted || !wanted.publishableKey) throw new Error("FlexpaLink.create: publishableKey is required.");
    if (typeof wanted.onSuccess !== "function") throw new Error("FlexpaLink.create: onSuccess is required.");
    config = wanted;
  }

  function open(options) {
    if (!config) throw new Error("Call FlexpaLink.create(config) before FlexpaLink.open().");
    if (frame) return;
    error = null;
    frame = document.createElement("iframe");
    frame.title = "Share your health records";
    var style = { position: "fixed", inset: "0", width: "100%", height: "100%", border: "0", zIndex: "2147483647" };
    Object.keys(style).forEach(function (name) {
      frame.style[name] = style[name];
    });
    frame.src = address(options);
    document.body.appendChild(frame);
    window.addEventListener("message", listen);
  }

  function close() {
    if (!frame) return;
    window.removeEventListener("message", listen);
    frame.remove();
    frame = null;
  }

  window.FlexpaLink = { create: create, open: open, close: close };
})();
