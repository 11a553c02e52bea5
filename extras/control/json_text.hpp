#pragma once
/// Writing JSON text: an object or array grows from left to right, and is always valid, whatever the strings hold.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <mosaik/types/id.hpp>

namespace mosaik::control::json {

/// A JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD: reasons come from strangers.
[[nodiscard]] std::string quote(std::string_view text);

class Array {
 public:
  Array& add(std::string_view value) { return raw(quote(value)); }
  /// `value` is JSON itself.
  Array& raw(std::string_view value) {
    if (text_.size() > 1) text_.push_back(',');
    text_ += value;
    return *this;
  }
  [[nodiscard]] std::string str() const { return text_ + "]"; }

 private:
  std::string text_ = "[";
};

class Object {
 public:
  Object& add(std::string_view name, std::string_view value) { return raw(name, quote(value)); }
  Object& add(std::string_view name, const char* value) { return raw(name, quote(value)); }
  Object& add(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Object& add(std::string_view name, T value) {
    return raw(name, std::to_string(value));
  }
  template <class Kind>
  Object& add(std::string_view name, const Id<Kind>& value) {
    return add(name, std::string_view(value.hex()));
  }
  /// `value` is JSON itself.
  Object& raw(std::string_view name, std::string_view value) {
    if (text_.size() > 1) text_.push_back(',');
    text_ += quote(name);
    text_.push_back(':');
    text_ += value;
    return *this;
  }
  [[nodiscard]] std::string str() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace mosaik::control::json
