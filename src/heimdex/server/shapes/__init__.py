"""What routes say of themselves beside their documents."""
