#pragma once
/// Reading the fields of a JSON object: keeps the first complaint, so that a reader takes all fields and asks once.
/// Private to the room: it shows Boost.JSON.

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik::control::json {

class Fields {
 public:
  Fields(const boost::json::value& value, std::string& complaint) : complaint_(&complaint) {
    if (value.is_object())
      object_ = &value.get_object();
    else
      complain("no object where one is expected");
  }

  [[nodiscard]] std::string text(std::string_view name) { return as_text(name, need(name)); }
  [[nodiscard]] std::string text_or_empty(std::string_view name) { return as_text(name, find(name)); }
  [[nodiscard]] std::uint64_t count(std::string_view name) { return as_number<std::uint64_t>(name, need(name)); }
  [[nodiscard]] std::uint64_t count_or_zero(std::string_view name) {
    return as_number<std::uint64_t>(name, find(name));
  }
  [[nodiscard]] std::int64_t number_or_zero(std::string_view name) { return as_number<std::int64_t>(name, find(name)); }
  [[nodiscard]] bool boolean(std::string_view name) {
    const boost::json::value* const value = need(name);
    if (value != nullptr && !value->is_bool()) complain(name, "is not true or false");
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  template <class T>
  [[nodiscard]] T id(std::string_view name) {
    return as_id<T>(name, need(name));
  }
  template <class T>
  [[nodiscard]] T id_or_zero(std::string_view name) {
    return as_id<T>(name, find(name));
  }
  /// Empty when the name is missing or no array.
  [[nodiscard]] const boost::json::array& array(std::string_view name) { return as_array(name, need(name)); }
  [[nodiscard]] const boost::json::array& array_or_empty(std::string_view name) { return as_array(name, find(name)); }
  [[nodiscard]] Fields object(std::string_view name) {
    const boost::json::value* const value = need(name);
    return {value != nullptr ? *value : empty_object(), *complaint_};
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> out;
    for (const boost::json::value& value : array(name)) out.push_back(as_text(name, &value));
    return out;
  }
  [[nodiscard]] std::vector<SocketAddress> addresses(std::string_view name) {
    std::vector<SocketAddress> out;
    for (const std::string& text : texts(name)) out.push_back(as_address(name, text));
    return out;
  }
  [[nodiscard]] SocketAddress address(std::string_view name) { return as_address(name, text(name)); }

  [[nodiscard]] const boost::json::value* find(std::string_view name) const {
    return object_ == nullptr ? nullptr : object_->if_contains({name.data(), name.size()});
  }
  void complain(std::string_view name, std::string_view what) {
    complain("'" + std::string(name) + "' " + std::string(what));
  }

  template <class T>
  [[nodiscard]] T as_id(std::string_view name, const boost::json::value* value) {
    if (value == nullptr) return {};
    const std::optional<T> id = T::from_hex(as_text(name, value));
    if (!id) complain(name, "is not 64 hexadecimal digits");
    return id.value_or(T{});
  }

 private:
  static const boost::json::value& empty_object() {
    static const boost::json::value empty = boost::json::object();
    return empty;
  }
  const boost::json::value* need(std::string_view name) {
    const boost::json::value* const value = find(name);
    if (value == nullptr) complain(name, "is missing");
    return value;
  }
  std::string as_text(std::string_view name, const boost::json::value* value) {
    if (value == nullptr) return {};
    if (!value->is_string()) complain(name, "is no text");
    return value->is_string() ? std::string(value->get_string().data(), value->get_string().size()) : std::string();
  }
  template <class T>
  T as_number(std::string_view name, const boost::json::value* value) {
    if (value == nullptr) return 0;
    boost::json::error_code error;
    const T out = value->to_number<T>(error);
    if (error) complain(name, "is no whole number in range");
    return error ? T{} : out;
  }
  SocketAddress as_address(std::string_view name, const std::string& text) {
    const Result<SocketAddress> parsed = SocketAddress::parse(text);
    if (!parsed) complain(name, "is no address");
    return parsed.value_or(SocketAddress());
  }
  const boost::json::array& as_array(std::string_view name, const boost::json::value* value) {
    static const boost::json::array empty;
    if (value == nullptr) return empty;
    if (!value->is_array()) complain(name, "is no array");
    return value->is_array() ? value->get_array() : empty;
  }
  void complain(std::string what) {
    if (complaint_->empty()) *complaint_ = std::move(what);
  }

  const boost::json::object* object_ = nullptr;
  std::string* complaint_;
};

/// Errors: malformed.
[[nodiscard]] inline Result<boost::json::value> parse(std::string_view text) {
  boost::json::error_code error;
  boost::json::value out = boost::json::parse({text.data(), text.size()}, error);
  if (error) return fail(Errc::malformed, "not JSON: " + error.message());
  return out;
}

/// Parses a document, hands its fields to `read`, and turns the first complaint into an error: that it is not `what`.
template <class Read>
auto read_document(std::string_view text, std::string_view what, const Read& read)
    -> Result<std::invoke_result_t<const Read&, Fields&, std::string&>> {
  const Result<boost::json::value> document = parse(text);
  if (!document) return std::unexpected(document.error());
  std::string complaint;
  Fields fields(*document, complaint);
  auto out = read(fields, complaint);
  if (!complaint.empty()) return fail(Errc::malformed, "not " + std::string(what) + ": " + complaint);
  return out;
}

}  // namespace mosaik::control::json
