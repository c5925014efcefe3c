"use strict";

/**
 * Stands in for the terminal library blessed, so that blessed-contrib's widgets can draw into memory: all they need of it is
 * an element with a size that events can be registered on. The widgets were written before classes, hence the functions.
 */
function Node(options) {
  this.options = options ?? {};
  this.width = this.options.width;
  this.height = this.options.height;
  this.content = "";
}
Node.prototype.on = () => {};
Node.prototype.setContent = function setContent(content) {
  this.content = content;
};

function Box(options) {
  Node.call(this, options);
}
Box.prototype = Object.create(Node.prototype);

module.exports = { Node, Box, box: (options) => new Box(options) };
