// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <iostream>
#include <new>

#include "base/error.h"

namespace adabin {

int RunProgram(CLI::App* app, int argc, char** argv, const std::function<int()>& body) {
  const std::string name = app->get_name();
  const auto complain = [&](const std::string& what) {
    std::cerr << name << ": " << Printable(what.substr(0, what.find('\n'))) << std::endl;
  };
  try {
    app->parse(argc, argv);
    return body();
  } catch (const CLI::CallForHelp&) {
    std::cout << app->help();
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + "; see " + name + " -h");
    return kExitBadInput;
  } catch (const Error& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return kExitBadInput;
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
  } catch (const std::exception& error) {
    complain(std::string("internal error: ") + error.what());
  }
  return kExitFailure;
}

}  // namespace adabin
