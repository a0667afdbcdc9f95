// Package shop is what the example is about: products, orders and users of a
// small shop, with their keys. It knows neither AWS nor how anything is stored.
//
// Products and orders are aggregates: package command publishes their versions.
// Users are plain items, written by somebody else.
package shop
