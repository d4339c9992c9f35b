# What holds for every C file of the tree, and for every shared library made from it.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # checks stay on: no -DNDEBUG

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes)
if(LOSSJIT_WERROR)
  add_compile_options(-Werror)
endif()
include_directories("${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
set(system_libraries m ${CMAKE_DL_LIBS} pthread)

if(LOSSJIT_SANITIZE)
  add_compile_options("-fsanitize=${LOSSJIT_SANITIZE}" -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${LOSSJIT_SANITIZE}")
  # clang looks for a mark of the function's type in front of whatever is called through
  # a pointer; kernels have none, and in front of their page there may be nothing.
  if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND LOSSJIT_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=function)
  endif()
endif()

# Libraries find each other beside themselves once installed, and in build/<preset>/lib.
set(CMAKE_BUILD_RPATH "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON) # an LLVM outside the system's folders

# Names, version and linking of a shared library: everything that it uses must be there
# when it is linked (sanitizers are excused, their run time belongs to the program).
function(lossjit_shared target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "SHARED_LIBRARY")
    set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
  endif()
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  if(NOT LOSSJIT_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:--no-undefined)
  endif()
endfunction()
