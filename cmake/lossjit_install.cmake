# `cmake --install build/release --prefix ...`: libraries, headers, command, pkg-config.

install(TARGETS lossjit lossjit-llvm lossjit-train
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS lossjit-command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
file(GLOB public_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.h")
install(FILES ${public_headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/docs/lossjit.1"
        DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")

foreach(package lossjit lossjit-train)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in"
                 "${PROJECT_BINARY_DIR}/${package}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${package}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
